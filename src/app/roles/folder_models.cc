#include "app/roles/folder_models.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/log.h"
#include "io/files.h"

namespace keelson::app {

using wire::inference::Served;

Result<std::shared_ptr<serving::PayloadWriter>> PayloadPlan::Open(const std::string& own,
                                                                  const serving::PayloadSchema& schema) const {
  serving::PayloadOptions options;
  options.limit_bytes = limit_bytes;
  // Under a limit small enough that some are closed, and can be turned into Parquet and taken away.
  if (limit_bytes != 0)
    options.segment_bytes = std::min(options.segment_bytes, std::max<std::uint64_t>(limit_bytes / 8, 1));
  options.sample = sample.value_or(1.0);
  KEELSON_ASSIGN_OR_RETURN(auto writer, sample ? serving::PayloadWriter::OpenSampled(own, schema, options)
                                               : serving::PayloadWriter::Open(own, schema, options));
  return std::shared_ptr<serving::PayloadWriter>(std::move(writer));
}

Result<Served> FolderModels::Serve(const std::string& name, const serving::Repository::Version& version) {
  Served served;
  served.model = version.model;
  served.policy = version.policy;
  if (io::Exists(version.path + "/MLmodel")) {
    KEELSON_ASSIGN_OR_RETURN(served.signature, serving::ReadMlflowSignature(version.path));
  }
  if (payload_.folder.empty()) return served;
  KEELSON_ASSIGN_OR_RETURN(const auto folder, io::SafeJoin(payload_.folder, name + "/" + version.model->version()));
  Log& log = logs_[folder];
  const auto schema = served.model->payload_schema();
  if (log.writer == nullptr || !(schema == log.schema)) {
    KEELSON_ASSIGN_OR_RETURN(log.writer, payload_.Open(folder, schema));
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
