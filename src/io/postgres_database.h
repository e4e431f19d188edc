#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "io/database.h"

namespace keelson::io {

// A database in PostgreSQL 13 or newer, by its URL ("postgresql://user@host/name"; what it does not say, such as the
// password, comes from the environment or files as psql has it). What Database promises holds, over a restart of
// PostgreSQL too; several servers may use it at once, whose write transactions then wait for one another. Its copies
// and its soundness are PostgreSQL's own business: BackupTo says so with kUnsupported, and nothing is found wrong.
// With kAlone a second server is refused with kFailedPrecondition while the first one lives.
enum class PostgresServers { kSeveral, kAlone };
Result<std::unique_ptr<Database>> OpenPostgres(const std::string& url,
                                               PostgresServers servers = PostgresServers::kSeveral);

bool IsPostgresUrl(const std::string& text);

}  // namespace keelson::io
