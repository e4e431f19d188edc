#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "serving/batch_queue.h"
#include "serving/model.h"

namespace keelson::serving {

// What `keelson serve` is told: the models of one replica and where it listens. The composition with the protocol is in
// app/roles/serve_role.h.
struct ReplicaOptions {
  std::vector<ModelSource> models;
  std::string models_folder;            // a repository (serving/repository.h), in place of `models`
  std::string python;                   // ModelSource::python of all models
  BatchPolicy policy;                   // of models whose own configuration says nothing of it
  std::size_t memory_budget_bytes = 0;  // of all models together; the least recently used give way. 0: no limit
  int port = 0;                         // on 127.0.0.1, 0: any free one; or
  std::string unix_socket;              // a path
  int grpc_port = -1;                   // of gRPC, beside it; 0: any free one, -1: none
  std::size_t threads = 2;              // I/O threads, which make the quick predictions too
  std::string payload_folder;  // of this replica; "": no log. With several models a folder of the model's name below it
  std::optional<double> payload_sample;   // a sampled log, of this part of the requests; nothing: a complete one
  std::uint64_t payload_limit_bytes = 0;  // of each model version's log; 0: none
  std::string lock_file;                  // the server's; "": the replica ends only when told
  std::chrono::milliseconds orphan_grace{30'000};  // ends itself when the lock was free for so long
  std::chrono::milliseconds drain{10'000};         // for requests under way when it is told to end
};

}  // namespace keelson::serving
