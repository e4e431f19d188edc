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
// whatever the copied database names is in the copy. What goes away meanwhile, and links and devices, which only a
// user's own job can have made, are left out. `target` must not exist (kAlreadyExists) nor lie in the data directory
// (kInvalidArgument).
Status BackUpData(Database& database, const std::string& data_folder, const std::string& target);

// What is wrong with a backup, a line each; empty when every file is there with its content and no other is. It is only
// read. kDataLoss when its manifest is damaged.
Result<std::vector<std::string>> CheckBackup(const std::string& backup);

// Checks the backup (kDataLoss names what is not sound) and makes the data directory from it, wherever it was before.
// `data_folder` must not exist or be empty (kAlreadyExists).
Status RestoreData(const std::string& backup, const std::string& data_folder);

}  // namespace keelson::io
