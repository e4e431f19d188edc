#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "app/client/client.h"
#include "app/replay/corruption.h"
#include "app/replay/past.h"
#include "base/result.h"
#include "base/time.h"
#include "project/spec.h"

namespace keelson::app {

struct MonthOfAsking {
  std::uint64_t asked = 0;
  std::uint64_t failed = 0;
  std::vector<std::uint32_t> latencies_us;
};

struct ReplayOptions {
  ServerOptions server;
  Instant from;
  Instant to;
  std::string journal;   // file; where a killed replay goes on
  int connections = 8;   // predictions at once
  bool in_step = false;  // nothing later is pushed before an instant's questions are answered
  std::vector<Corruption> corruptions;
};

struct ReplayResult {
  std::map<std::string, MonthOfAsking> months;
  std::uint64_t refused_batches = 0;
  std::uint64_t refused_rows = 0;
  std::vector<std::string> first_refusals;  // what failed, as the server said it
  double asking_seconds = 0;                // without the time that trainings took
  double waiting_seconds = 0;               // for trainings and rollouts
};

struct ReplayProgress {
  Instant clock;
  double fraction = 0;
  std::uint64_t asked = 0;
  std::string note;
};

// GET through a server's restart: an address that does not answer is asked again until `patience` is over.
Result<Json> GetOnceBack(Client& client, const std::string& path, std::chrono::seconds patience);

// Lives through the past against a running server: at each instant first what became known, pushed as rows; then what
// was asked, as predictions over the Open Inference Protocol with the row's key as request id, several at once. Where
// MayRunAhead holds, the rows of later instants are on their way while questions are answered, though never over an
// instant at which the server decides something. The journal remembers where it stands; a request that got no answer is
// asked again with the same id.
Result<ReplayResult> Replay(const project::Project& project, const Past& past, const ReplayOptions& options,
                            const std::function<void(const ReplayProgress&)>& progress);

}  // namespace keelson::app
