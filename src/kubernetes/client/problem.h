#pragma once

#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "base/result.h"
#include "io/http.h"

namespace keelson::kubernetes {

// What an API server answers in place of what was asked for: its Status object, or as much of it as there was.
struct Problem {
  int status = 0;
  std::string reason = {};  // "NotFound", "AlreadyExists", "Conflict", "Expired", ...
  std::string message = {};
  std::string cause = {};  // the first cause's reason: "FieldManagerConflict", "ResourceVersionTooLarge", ...
  std::optional<std::chrono::seconds> retry_after = {};

  // The resource version that was asked for is not known any more, or not yet (etcd was restored): list again.
  bool expired() const;
  // Worth asking again, when asking twice is harmless.
  bool passing() const;
};

// Nothing for an answer from 200 to 299.
std::optional<Problem> ProblemOf(const io::HttpResponse& answer);
// The same of a Status object alone, as a watch tells it in an event; nothing when it is not one.
std::optional<Problem> ProblemOfStatus(const nlohmann::json& status);

// 409 is kAlreadyExists, kAborted (the object has changed since it was read) or kFailedPrecondition (somebody else
// manages a field that we wanted to set); the message is the server's own.
Error ErrorOf(const Problem& problem, const std::string& where);

}  // namespace keelson::kubernetes
