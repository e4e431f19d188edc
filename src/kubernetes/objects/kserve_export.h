#pragma once

#include <string>
#include <vector>

#include "kubernetes/objects/metadata.h"

namespace keelson::kubernetes {

// By this name an InferenceService asks for Keelson's own replica.
inline constexpr const char* kKserveRuntime = "keelson";

// A project's endpoint for KServe: a ServingRuntime whose container is our replica, and an InferenceService
// (serving.kserve.io/v1beta1) that asks for it, with the project's replicas, their target and the first share of a
// canary. KServe fetches the model's files, an MLflow directory as Keelson keeps it, from `storage_uri`. Features that
// the server looks up are not added there: whoever asks gives them. Errors are those of CheckSettings, and
// kFailedPrecondition of a project that serves nothing.
Result<std::vector<Json>> KserveObjects(const project::Project& project, const std::string& revision,
                                        const Settings& settings, const std::string& storage_uri);

}  // namespace keelson::kubernetes
