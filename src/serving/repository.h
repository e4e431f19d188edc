#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "serving/batch_queue.h"
#include "serving/model.h"

namespace keelson::serving {

// A folder of models as Triton and KServe lay it out: DIR/NAME/VERSION/model.* or, of one version (1),
// DIR/NAME/model.*; in the place of model.* an MLflow model directory. VERSION is a positive number; what is named
// otherwise is passed over. DIR/NAME/config.pbtxt may choose the versions that are served (without it, all) and is
// otherwise tolerated where it says nothing that the model contradicts. An input_example.json beside the model warms it
// up.
//
// Keeps what it loaded, so that loading again opens only what is new or was changed. Owned by the role; called from one
// thread at a time.
class Repository {
 public:
  struct Options {
    std::string folder;
    std::shared_ptr<MemoryBudget> budget = nullptr;  // may be null
    std::string python = {};                         // ModelSource::python
    BatchPolicy policy = {};                         // of models whose config.pbtxt says nothing of it
  };
  struct Version {
    std::shared_ptr<const LoadedModel> model;
    std::string path;  // of the model's file or directory
    BatchPolicy policy = {};
  };
  // What Load found: the versions that can be served, ascending, and why others cannot.
  struct Loaded {
    std::vector<Version> versions;
    std::vector<Error> refused;
  };

  // kNotFound when the folder is not there.
  static Result<std::unique_ptr<Repository>> Open(Options options);

  std::vector<std::string> Names() const;  // sorted
  // Loads what is not loaded yet and warms it up. kNotFound when there is no such model or no version of it,
  // kInvalidArgument for a config.pbtxt that cannot be read. A version that is refused is told, and leaves the others.
  Result<Loaded> Load(const std::string& name);
  // Forgets what is loaded of it.
  void Unload(const std::string& name) { loaded_.erase(name); }

 private:
  struct Found {
    std::string version;
    std::string path;
    std::string stamp;  // changes when the file does
  };
  struct Kept {
    Found found;
    std::shared_ptr<const LoadedModel> model;
  };

  explicit Repository(Options options) : options_(std::move(options)) {}
  Result<std::vector<Found>> Find(const std::string& name) const;

  const Options options_;
  std::map<std::string, std::vector<Kept>> loaded_;
};

}  // namespace keelson::serving
