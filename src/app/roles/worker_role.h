#pragma once

#include <string>

#include "base/result.h"

namespace keelson::app {

// Runs the attempt that the spec file tells, reports its progress and result to the server (KEELSON_SERVER) with the
// attempt's token (KEELSON_TOKEN), and gives the exit code: 0 when the server has the result, whatever it is. While the
// server is away it keeps trying, and ends itself when the data directory stays unowned.
Result<int> RunWorker(const std::string& spec_file);

}  // namespace keelson::app
