#include "wire/inference/route.h"

#include <gtest/gtest.h>

#include <vector>

namespace keelson::wire::inference {
namespace {

using Kind = Route::Kind;

struct Case {
  std::string path;
  Kind kind;
  std::string model = {};
  std::string version = {};
};

TEST(Route, KnowsEveryPathOfEveryProtocol) {
  const std::vector<Case> cases = {
      {"/v2", Kind::kServer},
      {"/v2/", Kind::kServer},
      {"/v2/health/live", Kind::kLive},
      {"/v2/health/ready", Kind::kReady},
      {"/v2/models", Kind::kModels},
      {"/v2/models/m", Kind::kModel, "m"},
      {"/v2/models/m/versions/7", Kind::kModel, "m", "7"},
      {"/v2/models/m/ready", Kind::kModelReady, "m"},
      {"/v2/models/m/versions/7/ready", Kind::kModelReady, "m", "7"},
      {"/v2/models/m/config", Kind::kConfig, "m"},
      {"/v2/models/m/versions/7/config", Kind::kConfig, "m", "7"},
      {"/v2/models/m/infer", Kind::kInfer, "m"},
      {"/v2/models/a%2Fb/versions/1.2/infer", Kind::kInfer, "a/b", "1.2"},
      {"/v2/models/versions/infer", Kind::kInfer, "versions"},
      {"/v2/models/stats", Kind::kStatistics},
      {"/v2/models/m/stats", Kind::kStatistics, "m"},
      {"/v2/models/m/versions/7/stats", Kind::kStatistics, "m", "7"},
      {"/v2/repository/index", Kind::kIndex},
      {"/v2/repository/models/m/load", Kind::kLoad, "m"},
      {"/v2/repository/models/m%20n/unload", Kind::kUnload, "m n"},
      {"/", Kind::kRoot},
      {"/v1/models", Kind::kV1Models},
      {"/v1/models/m", Kind::kV1Model, "m"},
      {"/v1/models/m:predict", Kind::kPredict, "m"},
      {"/v1/models/a:b:explain", Kind::kExplain, "a:b"},
      {"/ping", Kind::kPing},
      {"/health", Kind::kPing},
      {"/version", Kind::kVersion},
      {"/invocations", Kind::kInvocations},
      {"/metrics", Kind::kMetrics},
  };
  for (const auto& each : cases) {
    const auto route = ParseRoute(each.path);
    ASSERT_TRUE(route.has_value()) << each.path;
    EXPECT_EQ(route->kind, each.kind) << each.path;
    EXPECT_EQ(route->model, each.model) << each.path;
    EXPECT_EQ(route->version, each.version) << each.path;
  }
}

TEST(Route, RefusesWhatIsOfNoProtocol) {
  for (const char* path : {"",
                           "v2",
                           "//v2",
                           "/v3",
                           "/v2x",
                           "/v2/models//infer",
                           "/v2/models/m/versions",
                           "/v2/models/m/versions/1/2/infer",
                           "/v2/models/m/infer/x",
                           "/v2/models/m/versions//infer",
                           "/v2/health",
                           "/v2/health/up",
                           "/v2/repository",
                           "/v2/repository/models/m",
                           "/v2/repository/models//load",
                           "/v1",
                           "/v1/models/:predict",
                           "/v1/models/m/x",
                           "/ping/x",
                           "/invocations/m",
                           "/a/b/c/d/e/f/g/h/i/j/k"}) {
    EXPECT_FALSE(ParseRoute(path).has_value()) << path;
  }
}

TEST(Route, TellsTheMethod) {
  EXPECT_EQ(MethodOf(Kind::kInfer), "POST");
  EXPECT_EQ(MethodOf(Kind::kIndex), "POST");
  EXPECT_EQ(MethodOf(Kind::kExplain), "POST");
  EXPECT_EQ(MethodOf(Kind::kModel), "GET");
  EXPECT_EQ(MethodOf(Kind::kPing), "GET");
}

}  // namespace
}  // namespace keelson::wire::inference
