#include "app/commands/inference_service_apply.h"

#include <gtest/gtest.h>

#include <sstream>

#include "io/http.h"
#include "project/parse.h"

namespace keelson::app {
namespace {

using wire::kserve::InferenceService;

project::Project ProjectOf(const InferenceService& service) {
  const auto parsed = project::ParseProject(ProjectFileOf(service), "made");
  EXPECT_TRUE(parsed.has_value()) << project::ToString(parsed.error());
  return parsed ? parsed->project : project::Project{};
}

TEST(ProjectFileOf, IsAnEndpointWithItsReplicasAndWhatTheyMayUse) {
  const auto project = ProjectOf({.name = "iris",
                                  .format = "xgboost",
                                  .storage_uri = "file:///m",
                                  .min_replicas = 0,
                                  .max_replicas = 4,
                                  .target_concurrency = 3,
                                  .canary_percent = {},
                                  .cpu = 0.5,
                                  .memory_bytes = std::uint64_t{2} << 30,
                                  .warnings = {}});
  EXPECT_EQ(project.name, "iris");
  ASSERT_TRUE(project.serve.has_value());
  EXPECT_EQ(project.serve->min_replicas, 0);
  EXPECT_EQ(project.serve->max_replicas, 4);
  EXPECT_EQ(project.serve->target_concurrency, 3);
  EXPECT_EQ(project.serve->resources.cpu, 0.5);
  EXPECT_EQ(project.serve->resources.memory_bytes, std::uint64_t{2} << 30);
  EXPECT_FALSE(project.train.has_value());
}

TEST(ProjectFileOf, ACanaryKeepsItsShareUntilSomebodySaysOtherwise) {
  InferenceService service{.name = "iris", .canary_percent = 20};
  EXPECT_EQ(ProjectOf(service).serve->canary.steps, (std::vector<int>{20, 100}));
  EXPECT_GT(ProjectOf(service).serve->canary.interval, std::chrono::hours(24 * 365));
  for (const std::optional<int> percent : {std::optional<int>(), std::optional(0), std::optional(100)}) {
    service.canary_percent = percent;
    EXPECT_EQ(ProjectOf(service).serve->canary.steps, std::vector<int>{100});
  }
}

TEST(ApplyInferenceService, WhereAModelCannotBeReadFromIsAnErrorByItsPath) {
  ServerOptions server;
  server.url = "http://127.0.0.1:1";
  for (const char* uri : {"gs://bucket/iris", "s3://bucket/iris", "pvc://claim/iris", "file://relative", "iris"}) {
    std::ostringstream out, err;
    Terminal terminal{out, err};
    const auto applied =
        ApplyInferenceService({.name = "iris", .format = "xgboost", .storage_uri = uri, .warnings = {"a: b"}},
                              "iris.yaml", server, false, terminal);
    ASSERT_FALSE(applied.has_value()) << uri;
    EXPECT_EQ(applied.error().code, ErrorCode::kUnsupported) << uri;
    EXPECT_EQ(applied.error().where, "spec.predictor.model.storageUri");
    EXPECT_EQ(err.str(), "not kept: a: b\n");
  }
}

TEST(ApplyInferenceService, AProjectThatIsMoreThanAnEndpointIsNotTouched) {
  int posts = 0;
  const auto server =
      io::HttpServer::Start({}, [&](const io::HttpRequest& request, const io::HttpRespond& respond) {
        posts += request.body.find("\"dry_run\":false") != std::string::npos;
        const Json plan = {{"project", "iris"}, {"revision", "r"}, {"changes", {"- sources.rows", "~ serve"}}};
        respond({.status = 200, .body = plan.dump()});
      }).value();
  ServerOptions options;
  options.url = "http://127.0.0.1:" + std::to_string(server->port());
  std::ostringstream out, err;
  Terminal terminal{out, err};
  const std::string model = std::string(KEELSON_SOURCE_DIR) + "/src/serving/testdata/logistic.ubj";
  const auto applied = ApplyInferenceService({.name = "iris", .format = "xgboost", .storage_uri = "file://" + model},
                                             "iris.yaml", options, false, terminal);
  ASSERT_FALSE(applied.has_value());
  EXPECT_EQ(applied.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_NE(applied.error().message.find("sources.rows"), std::string::npos);
  EXPECT_EQ(posts, 0);
}

}  // namespace
}  // namespace keelson::app
