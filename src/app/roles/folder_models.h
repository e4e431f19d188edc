#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "serving/payload_log.h"
#include "serving/replica.h"
#include "serving/repository.h"
#include "wire/inference/served_models.h"

namespace keelson::app {

// Where and how predictions are logged.
struct PayloadPlan {
  std::string folder;  // "": no log
  std::optional<double> sample;
  std::uint64_t limit_bytes = 0;

  static PayloadPlan Of(const serving::ReplicaOptions& options) {
    return {options.payload_folder, options.payload_sample, options.payload_limit_bytes};
  }
  // The log of one model version in a folder of its own.
  Result<std::shared_ptr<serving::PayloadWriter>> Open(const std::string& own,
                                                       const serving::PayloadSchema& schema) const;
};

// The models of a repository folder (serving/repository.h), for the handler of requests: a model whose new version is
// refused stays as it was. With a payload log every version has a folder of its own, NAME/VERSION. Owned by the role;
// called from one thread at a time.
class FolderModels final : public wire::inference::ModelRepository {
 public:
  FolderModels(std::unique_ptr<serving::Repository> repository, PayloadPlan payload)
      : repository_(std::move(repository)), payload_(std::move(payload)) {}

  // All that can be served now; what cannot is logged with its reason.
  std::vector<wire::inference::Served> LoadAll();

  std::vector<std::string> Names() override { return repository_->Names(); }
  // Refuses the model as a whole when one of its versions is refused.
  Result<std::vector<wire::inference::Served>> Load(const std::string& name) override;

 private:
  struct Log {
    serving::PayloadSchema schema;
    std::shared_ptr<serving::PayloadWriter> writer;
  };
  Result<wire::inference::Served> Serve(const std::string& name, const serving::Repository::Version& version);

  std::unique_ptr<serving::Repository> repository_;
  const PayloadPlan payload_;
  std::map<std::string, Log> logs_;  // by folder
};

}  // namespace keelson::app
