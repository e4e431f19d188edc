#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "control/documents.h"
#include "substrate/substrate.h"

namespace keelson::control {

// Folders of projects that were deleted, and of their jobs: they go when no job and no replica of the project runs any
// more, for in their grace they would write to them again. What is to go is stored with the deletion, so that the next
// server goes on with it. Owned by the Controller and called on its thread only; the store outlives it.
class ProjectRemovals {
 public:
  ProjectRemovals(std::string data_folder, DocumentStore& store)
      : data_folder_(std::move(data_folder)), store_(store) {}

  Status Load();  // what was to go when the last server ended
  // Takes all that is stored of the project and of its `jobs`, and their folders when their time has come.
  Status Begin(const std::string& project, const std::vector<std::string>& jobs);
  bool Has(const std::string& project) const { return projects_.contains(project); }
  bool empty() const { return projects_.empty(); }
  // Takes the folders whose time has come.
  Status Reconcile(const std::vector<substrate::WorkloadStatus>& workloads);

 private:
  const std::string data_folder_;
  DocumentStore& store_;
  std::map<std::string, std::vector<std::string>> projects_;  // their jobs
};

}  // namespace keelson::control
