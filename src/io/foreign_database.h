#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "io/database.h"

namespace keelson::io {

// A snapshot of a database that is another program's: it can be read, for as long as the session lives, and nothing of
// it is changed. Used by one thread. `url` is SQLAlchemy's: "sqlite:///relative/file", "sqlite:////absolute/file",
// "postgresql://..." (a "+driver" behind the scheme is passed over). kInvalidArgument for other URLs, kNotFound when
// the file is not there.
Result<std::unique_ptr<SqlSession>> OpenForeignDatabase(const std::string& url);

// Makes the SQLite file `path` for another program: runs `script`, then `fill`, which it gives the empty tables. The
// file takes its place whole when all is done and synced, or not at all. kAlreadyExists when there is such a file.
Status WriteForeignDatabase(const std::string& path, std::string_view script,
                            const std::function<Status(SqlSession&)>& fill);

}  // namespace keelson::io
