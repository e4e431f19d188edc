#include "app/roles/folder_models.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/log.h"
#include "io/files.h"

namespace keelson::app {

using wire::inference::Served;

Result<Served> FolderModels::Serve(const std::string& name, const serving::Repository::Version& version) {
  Served served;
  served.model = version.model;
  if (io::Exists(version.path + "/MLmodel")) {
    KEELSON_ASSIGN_OR_RETURN(served.signature, serving::ReadMlflowSignature(version.path));
  }
  if (payload_folder_.empty()) return served;
  if (served.model->takes_tensors()) {
    return Fail(ErrorCode::kUnsupported, "the payload log keeps the predictions of tree models only", version.path);
  }
  KEELSON_ASSIGN_OR_RETURN(const auto folder, io::SafeJoin(payload_folder_, name + "/" + version.model->version()));
  Log& log = logs_[folder];
  const auto schema = served.model->payload_schema();
  if (log.writer == nullptr || !(schema == log.schema)) {
    KEELSON_ASSIGN_OR_RETURN(log.writer, serving::PayloadWriter::Open(folder, schema));
    log.schema = schema;
  }
  served.payload = log.writer;
  return served;
}

std::vector<Served> FolderModels::LoadAll() {
  std::vector<Served> all;
  const auto refuse = [](const std::string& name, const Error& error) {
    LogError("a model is refused", {{"model", name}, {"error", error.ToString()}});
  };
  for (const auto& name : repository_->Names()) {
    const auto loaded = repository_->Load(name);
    if (!loaded) {
      refuse(name, loaded.error());
      continue;
    }
    for (const auto& error : loaded->refused) refuse(name, error);
    for (const auto& version : loaded->versions) {
      auto served = Serve(name, version);
      if (served) {
        all.push_back(std::move(*served));
      } else {
        refuse(name, served.error());
      }
    }
  }
  return all;
}

Result<std::vector<Served>> FolderModels::Load(const std::string& name) {
  KEELSON_ASSIGN_OR_RETURN(const auto loaded, repository_->Load(name));
  if (!loaded.refused.empty()) {
    std::vector<std::string> reasons;
    for (const auto& error : loaded.refused) reasons.push_back(error.ToString());
    return Fail(loaded.refused.front().code, fmt::format("{}", fmt::join(reasons, "; ")));
  }
  std::vector<Served> versions;
  for (const auto& version : loaded.versions) {
    KEELSON_ASSIGN_OR_RETURN(versions.emplace_back(), Serve(name, version));
  }
  return versions;
}

}  // namespace keelson::app
