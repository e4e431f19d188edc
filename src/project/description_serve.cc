#include <fmt/format.h>

#include <array>

#include "base/strings.h"
#include "project/containers.h"
#include "project/description.h"
#include "project/scalars.h"

namespace keelson::project {
namespace {

// ">= 0.65": the metric's name is the key.
ShapeOf<Requirement> Comparison() {
  using Scalar = ScalarShape<Requirement>;
  return {std::make_shared<Scalar>(
      Scalar::Definition{"a comparison such as \">= 0.65\"",
                         [](const YamlNode& node) -> Scanned<Requirement> {
                           if (LooksLikeNumber(node)) return std::unexpected("a number without >=, >, <= or <");
                           const std::string_view text = Trim(node.text);
                           for (const std::string_view op : std::array<std::string_view, 4>{">=", "<=", ">", "<"}) {
                             if (!text.starts_with(op)) continue;
                             const auto value = ParseDouble(Trim(text.substr(op.size())));
                             if (!value) return std::unexpected("no number after " + std::string(op));
                             return Requirement{"", std::string(op), *value};
                           }
                           return std::unexpected("");
                         },
                         [](const Requirement& value) -> Json { return fmt::format("{} {}", value.op, value.value); },
                         {{"type", "string"}, {"pattern", "^ *(>=|<=|>|<) *-?[0-9]+(\\.[0-9]+)?([eE][-+]?[0-9]+)? *$"}},
                         {}})};
}

}  // namespace

Field PromoteField() {
  auto promote = Object<PromoteSpec>(
      "a map with require and not_worse_than",
      {Member("require", &PromoteSpec::require,
              Named("a map from metrics to comparisons", &Requirement::metric, {"a metric", "", MetricNames()},
                    Comparison()),
              "What the metrics on the test rows must be: auc, logloss, accuracy, rmse, mae."),
       Member("not_worse_than", &PromoteSpec::not_worse_than, Optional(AliasName()),
              "A new version must do as well as the version with this alias on the same test rows."),
       Member("tolerance", &PromoteSpec::tolerance, Number("a number from 0 to 1", 0, 1),
              "How much worse than that still passes.")});
  return Member("promote", &Project::promote, promote,
                "The gate: what a new version must show before it is rolled out.");
}

Field ServeField() {
  auto target =
      Object<ServeSpec>("a map with concurrency",
                        {Member("concurrency", &ServeSpec::target_concurrency, PositiveNumber("a number above 0"),
                                "Requests at a time in one replica; more of them make more replicas.")});
  auto replicas = Object<ServeSpec>(
      "a map with min and max",
      {Member("min", &ServeSpec::min_replicas, Int(0, 1000),
              "With 0, an idle endpoint has none; a request waits for the first to start."),
       Member("max", &ServeSpec::max_replicas, Int(1, 1000), "Not below min. Left out: min, but at least 1."),
       Group<ServeSpec>("target", target, "What the number of replicas follows."),
       Member("idle", &ServeSpec::idle, Span(), "With min: 0, how long without a request until there is no replica.")});
  auto guard = Object<CanarySpec>(
      "a map with error_rate and p99",
      {Member("error_rate", &CanarySpec::guard_error_rate, Optional(Share()), "More errors than this share roll back."),
       Member("p99", &CanarySpec::guard_p99, Optional(Span()),
              "A slower 99th percentile, by the wall's clock, rolls back.")});
  auto canary = Object<CanarySpec>(
      "a map with steps, interval and guard",
      {Member("steps", &CanarySpec::steps, List("a list of percentages that rise to 100", Int(1, 100), 1),
              "The new version's share of the traffic, step by step, in percent."),
       Member("interval", &CanarySpec::interval, Span(), "How long a step lasts, by the project's clock."),
       Group<CanarySpec>("guard", guard, "What ends a rollout and goes back.")});
  auto serve =
      Object<ServeSpec>("a map with replicas and canary",
                        {Group<ServeSpec>("replicas", replicas, "How many processes answer."),
                         Member("canary", &ServeSpec::canary, canary, "How a new version takes over."),
                         Member("resources", &ServeSpec::resources, Resources(), "What each replica may use.")});
  return Member("serve", &Project::serve, Optional(serve), "The endpoint; without it nothing is served.");
}

Field MonitorField() {
  auto drift = Object<DriftSpec>(
      "a map with measure, threshold and window",
      {Member("measure", &DriftSpec::measure, Choice({"psi"}),
              "The population stability index against the training rows."),
       Member("threshold", &DriftSpec::threshold, PositiveNumber("a number above 0"),
              "Above it, a column has drifted."),
       Member("window", &DriftSpec::window, Span(), "The predictions that are compared: those of the last ..."),
       Member("columns", &DriftSpec::columns, List("a list of columns", ColumnName()),
              "Inputs and features that are watched, and \"score\". Left out: all.")});
  auto performance = Object<PerformanceSpec>(
      "a map with metric, floor and labels",
      {Member("metric", &PerformanceSpec::metric, Choice({"auc"}), "What is measured of the live model."),
       Member("floor", &PerformanceSpec::floor, Number("a number from 0 to 1", 0, 1), "Below it is a breach.")
           .Required(),
       Member("labels", &PerformanceSpec::labels, Text("a source's name"),
              "The source whose pushed rows bring the truth. A row belongs to the prediction whose request id equals "
              "its key, or, when the source has no key, its column request_id: text, which the rows may bring though "
              "the table does not have it.")
           .Required(),
       Member("window", &PerformanceSpec::window, Span(), "The labels that are compared: those of the last ...")});
  auto monitor = Object<MonitorSpec>(
      "a map with drift and performance",
      {Member("drift", &MonitorSpec::drift, Optional(drift),
              "Whether what is asked still looks like what was learned."),
       Member("performance", &MonitorSpec::performance, Optional(performance), "Whether the model is still right."),
       Member("interval", &MonitorSpec::interval, Span(), "How often it is evaluated."),
       Member("consecutive", &MonitorSpec::consecutive, Int(1, 1000), "This many breaches in a row make an alarm."),
       Member("cool_down", &MonitorSpec::cool_down, Span(true),
              "After a retraining or promotion, no other within this."),
       Member("on_breach", &MonitorSpec::on_breach, Choice({"alert", "retrain"}), "What an alarm does.")});
  return Member("monitor", &Project::monitor, monitor,
                "What is watched in service. Windows and intervals run on the project's clock.");
}

Field RetentionField() {
  auto retention = Object<RetentionSpec>("a map with artifacts and keep",
                                         {Member("artifacts", &RetentionSpec::artifacts, Optional(Span()),
                                                 "Artifacts of runs older than this are deleted; left out: never."),
                                          Member("keep", &RetentionSpec::keep, List("a list of aliases", AliasName()),
                                                 "What these aliases point to is never deleted.")});
  return Member("retention", &Project::retention, retention, "What is kept for how long.");
}

}  // namespace keelson::project
