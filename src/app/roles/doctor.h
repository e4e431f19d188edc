#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace keelson::app {

// What is wrong with a data folder, a line each; empty when it is sound: the database's pages, the projects' logs and
// payload segments frame by frame, and the registered versions against their hashes. kFailedPrecondition while a server
// has it.
Result<std::vector<std::string>> Diagnose(const std::string& data_folder);

}  // namespace keelson::app
