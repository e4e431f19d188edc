#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "serving/repository.h"
#include "wire/inference/served_models.h"

namespace keelson::app {

// The models of a repository folder (serving/repository.h), for the handler of requests: a model whose new version is
// refused stays as it was. With a payload log every version has a folder of its own, NAME/VERSION. Owned by the role;
// called from one thread at a time.
class FolderModels final : public wire::inference::ModelRepository {
 public:
  // `payload_folder` may be "": no log.
  FolderModels(std::unique_ptr<serving::Repository> repository, std::string payload_folder)
      : repository_(std::move(repository)), payload_folder_(std::move(payload_folder)) {}

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
  const std::string payload_folder_;
  std::map<std::string, Log> logs_;  // by folder
};

}  // namespace keelson::app
