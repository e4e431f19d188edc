#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/thread_pool.h"
#include "io/database.h"
#include "io/http.h"
#include "wire/mlflow/services.h"

namespace keelson::wire::mlflow {

// The version of MLflow whose API this is: routes, limits, messages.
inline constexpr std::string_view kMlflowVersion = "3.17.2";

// MLflow's REST API over the tracking tables, which a tracking::Store has opened before. Handles whole requests on
// threads of its own, so that a slow disk holds up nothing else. Thread-safe. The database, the clock and the HTTP
// servers that call it outlive it in that order: requests under way are answered before it is gone.
class Edge {
 public:
  // `ui`: MLflow's page, shown at "/mlflow/". `webhooks`: how they are reached.
  Edge(io::Database& database, const Clock& clock, std::shared_ptr<tracking::ArtifactStore> artifacts,
       std::size_t threads = 16, std::optional<UiFiles> ui = std::nullopt, const WebhookOptions& webhooks = {});
  // With artifacts in a folder.
  Edge(io::Database& database, const Clock& clock, std::string artifact_root, std::size_t threads = 16);
  ~Edge();

  // Whether the path is one of MLflow's; then Handle answers it, if only with 404.
  static bool Takes(std::string_view path);
  // Whether the request, of which the head is here, brings a file that may be of any length
  // (HttpServerOptions::uploads).
  static bool IsUpload(const io::HttpRequest& head);
  void Handle(io::HttpRequest request, io::HttpRespond respond);
  // The same on the caller's thread; for one that may wait for the disk.
  io::HttpResponse Answer(const io::HttpRequest& request);

 private:
  Services services_;
  // Last: their tasks use all above. A client that sends slowly keeps a thread, but none of those that answer calls.
  std::unique_ptr<ThreadPool> uploads_;
  std::unique_ptr<ThreadPool> pool_;
};

}  // namespace keelson::wire::mlflow
