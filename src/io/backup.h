#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "io/database.h"

namespace keelson::io {

// A backup is a folder with a copy of the data directory (but for its lock and run/, which belong to live processes)
// and a file MANIFEST: "keelson-backup 1", then a line "SHA256 PATH" for every file. It appears whole under its name or
// not at all.

// Beside a working server: first the database, then all other files, which are immutable or only appended to, so that
// whatever the copied database names is in the copy. `target` must not exist (kAlreadyExists).
Status BackUpData(Database& database, const std::string& data_folder, const std::string& target);

// What is wrong with a backup, a line each; empty when every file is there with its content and the database is sound.
Result<std::vector<std::string>> CheckBackup(const std::string& backup);

// Checks the backup (kDataLoss when it is not sound) and makes the data directory from it. `data_folder` must not
// exist.
Status RestoreData(const std::string& backup, const std::string& data_folder);

}  // namespace keelson::io
