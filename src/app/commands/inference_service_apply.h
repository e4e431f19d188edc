#pragma once

#include <string>

#include "app/client/client.h"
#include "app/command.h"
#include "wire/kserve/inference_service.h"

namespace keelson::app {

// The project file that an InferenceService is here: an endpoint and nothing else.
std::string ProjectFileOf(const wire::kserve::InferenceService& service);

// Makes the server serve it: a project of its name with the endpoint, the model's files as a version of its model, and
// that version in service, or as a canary with its share of the requests. What is there already stays; applying again
// changes nothing. `file`: where it was read, which is beside what a relative file:// means. kFailedPrecondition when a
// project of that name is more than an endpoint.
Result<int> ApplyInferenceService(const wire::kserve::InferenceService& service, const std::string& file,
                                  const ServerOptions& server, bool dry_run, Terminal& terminal);

}  // namespace keelson::app
