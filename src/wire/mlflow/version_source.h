#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "tracking/registered_models.h"
#include "wire/mlflow/message.h"
#include "wire/mlflow/services.h"

namespace keelson::wire::mlflow {

// Fills source, location, run_id, model_id and content_hash of a version that a client wants: its source must lie
// within the run or logged model that the request names, so that nobody registers another's files or the machine's
// own.
Status ResolveSource(Services& services, const Message& request, tracking::RegisteredModels::NewVersion& version);

// Writes into the logged model's tags that it was registered.
Status NoteRegistration(Services& services, const std::string& model_id, const tracking::VersionRecord& version);

// The path below the artifact root of "mlflow-artifacts:/a/b", with or without a host; kUnsupported for other URIs and
// kInvalidArgument for what would leave the root.
Result<std::string> ProxiedPath(std::string_view uri);

}  // namespace keelson::wire::mlflow
