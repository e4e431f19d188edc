#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "io/database.h"

namespace keelson::io {

// A snapshot of a database that is another program's: it can be read, for as long as the session lives, and nothing of
// it is changed. Used by one thread. `url` is SQLAlchemy's: "sqlite:///relative/file", "sqlite:////absolute/file",
// "postgresql://..." (a "+driver" behind the scheme is passed over). kInvalidArgument for other URLs, kNotFound when
// the file is not there.
Result<std::unique_ptr<SqlSession>> OpenForeignDatabase(const std::string& url);

}  // namespace keelson::io
