#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "io/database.h"

namespace keelson::app {

// Opens what a server knows beside its files: the SQLite file in the data folder, or with `url` a PostgreSQL database.
// A folder stays with the kind that it began with, and with its database, whose name it keeps: kFailedPrecondition
// when it is opened otherwise, since the other one would look empty, and when another server uses that database.
Result<std::unique_ptr<io::Database>> OpenMetadata(const std::string& data_folder, const std::string& url);

// The name of the PostgreSQL database that has a folder's metadata; "" when that is in the folder.
Result<std::string> ForeignMetadata(const std::string& data_folder);

}  // namespace keelson::app
