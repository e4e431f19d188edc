#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace keelson::app {

// One thing that is wrong with a data folder.
struct Damage {
  std::string what;    // which file, and what is wrong with it
  std::string advice;  // what to do about it
  bool operator==(const Damage&) const = default;
};

// Everything that is wrong with a data folder; empty when it is sound. Looked at: the database's pages and whether all
// that it stores reads back, the files of each registered version against their hash, the applied revisions, the logs
// of pushed rows and of predictions frame by frame, the prepared tables against their hash (with DuckDB, when there are
// any), and the tables that the online features begin with. Changes nothing: what a migration would change it makes on
// a copy.
//
// kNotFound when it is no data folder, kFailedPrecondition while a server has it; other errors say what kept us from
// looking.
Result<std::vector<Damage>> Diagnose(const std::string& data_folder);

}  // namespace keelson::app
