#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace keelson::wire::inference {

// A path of the protocols that a model server speaks, taken apart.
struct Route {
  enum class Kind {
    // Open Inference Protocol v2: the server, its models, and its extensions "model_repository", "model_configuration"
    // and "statistics".
    kServer,
    kLive,
    kReady,
    kModels,
    kModel,
    kModelReady,
    kConfig,
    kInfer,
    kStatistics,  // of one model, or of all when `model` is ""
    kIndex,
    kLoad,
    kUnload,
    // KServe v1.
    kRoot,
    kV1Models,
    kV1Model,
    kPredict,
    kExplain,
    // MLflow scoring.
    kPing,
    kVersion,
    kInvocations,
    // Prometheus.
    kMetrics
  } kind = Kind::kServer;
  std::string model = {};    // decoded; "" where the path names none
  std::string version = {};  // "" when the path names none
};

// Nothing for a path that is of none of the protocols.
std::optional<Route> ParseRoute(std::string_view path);

// The method that a path is asked by: "GET" or "POST". (A HEAD is as good as a GET.)
std::string_view MethodOf(Route::Kind kind);

}  // namespace keelson::wire::inference
