#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "scheduling/admission.h"

namespace keelson::substrate {

// The control groups that this process may make below its own, in one hierarchy (v2) or one a controller (v1). Found
// once at start by making and removing a trial group. Immutable; safe from any thread.
class Cgroups {
 public:
  // Nothing usable: none() is true and the caller falls back to rlimits. `own` is the text of /proc/self/cgroup, `root`
  // where the hierarchies are mounted.
  static Cgroups Detect(const std::string& own, const std::string& root, const std::string& trial_name);

  bool none() const { return parents_.empty(); }
  int version() const { return version_; }

  // Makes the group `name` with the limits (zero: none) and gives its folders, to be entered by the child. A group that
  // is left from before is used again.
  Result<std::vector<std::string>> Make(const std::string& name, const scheduling::Resources& limits) const;

  // Of folders that Make gave, also in an earlier life of the server:
  static std::uint64_t OutOfMemoryKills(const std::vector<std::string>& folders);
  static void KillAll(const std::vector<std::string>& folders);  // SIGKILL to everyone inside
  static void Remove(const std::vector<std::string>& folders);   // no error when it is gone or not empty yet

 private:
  int version_ = 0;
  std::vector<std::pair<std::string, std::string>> parents_;  // controller ("" in v2) and the folder to make groups in
};

}  // namespace keelson::substrate
