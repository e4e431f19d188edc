#include "wire/api/gc_body.h"

#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "wire/api/body_reader.h"
#include "wire/api/json_fields.h"

namespace keelson::wire::api {
namespace {

using control::Json;

Result<tracking::ArtifactRule::Best> ReadBest(const Json& json, const std::string& where) {
  KEELSON_ASSIGN_OR_RETURN(Fields fields, Fields::Of(json, where));
  tracking::ArtifactRule::Best best;
  KEELSON_ASSIGN_OR_RETURN(best.metric, fields.Text("metric", ""));
  if (best.metric.empty()) return fields.Wrong("metric", "the name of a metric");
  const Json* count = fields.Take("count");
  if (count == nullptr || !count->is_number_unsigned() || count->get<std::uint64_t>() > 1'000'000) {
    return fields.Wrong("count", "a whole number up to 1000000");
  }
  best.count = count->get<std::int64_t>();
  KEELSON_ASSIGN_OR_RETURN(const std::string order, fields.Text("order", "largest"));
  if (order != "largest" && order != "smallest") return fields.Wrong("order", "\"largest\" or \"smallest\"");
  best.largest = order == "largest";
  KEELSON_RETURN_IF_ERROR(fields.Done());
  return best;
}

Result<tracking::ArtifactRule> ReadRule(const Json& json, const std::string& where) {
  KEELSON_ASSIGN_OR_RETURN(Fields fields, Fields::Of(json, where));
  tracking::ArtifactRule rule;
  KEELSON_ASSIGN_OR_RETURN(const auto age, fields.Time("age"));
  if (!age) return fields.Wrong("age", "a duration as text, such as \"90d\"");
  rule.age = *age;
  KEELSON_ASSIGN_OR_RETURN(rule.experiment, fields.Text("experiment", ""));
  if (const Json* stages = fields.Take("keep_stages")) {
    if (!stages->is_array()) return fields.Wrong("keep_stages", "a list of stages");
    for (const Json& stage : *stages) {
      if (!stage.is_string()) return fields.Wrong("keep_stages", "a list of stages");
      rule.keep_stages.insert(stage.get<std::string>());
    }
  }
  if (const Json* best = fields.Take("keep_best")) {
    KEELSON_ASSIGN_OR_RETURN(rule.keep_best, ReadBest(*best, fields.Where("keep_best")));
  }
  KEELSON_RETURN_IF_ERROR(fields.Done());
  return rule;
}

}  // namespace

Result<GcBody> ReadGcBody(const std::string& text) {
  KEELSON_ASSIGN_OR_RETURN(const Json json, ObjectOfBody(text));
  KEELSON_ASSIGN_OR_RETURN(Fields fields, Fields::Of(json, ""));
  GcBody body;
  KEELSON_ASSIGN_OR_RETURN(const auto deleted_for, fields.Time("deleted_for"));
  body.policy.deleted_for = deleted_for.value_or(std::chrono::days(30));
  if (const Json* dry = fields.Take("dry_run")) {
    if (!dry->is_boolean()) return fields.Wrong("dry_run", "true or false");
    body.dry_run = dry->get<bool>();
  }
  if (const Json* price = fields.Take("price")) {
    if (!price->is_number() || price->get<double>() < 0) return fields.Wrong("price", "the price of a GB for a month");
    body.price = price->get<double>();
  }
  if (const Json* rules = fields.Take("artifacts")) {
    if (!rules->is_array()) return fields.Wrong("artifacts", "a list of rules");
    for (std::size_t i = 0; i < rules->size(); ++i) {
      KEELSON_ASSIGN_OR_RETURN(auto rule, ReadRule((*rules)[i], fmt::format("artifacts[{}]", i)));
      body.policy.artifacts.push_back(std::move(rule));
    }
  }
  KEELSON_RETURN_IF_ERROR(fields.Done());
  return body;
}

Json GcAnswer(const GcBody& body, const std::vector<tracking::GarbageItem>& items) {
  std::uint64_t bytes = 0;
  Json list = Json::array();
  for (const auto& item : items) {
    bytes += item.bytes;
    list.push_back(
        {{"kind", tracking::NameOf(item.kind)}, {"id", item.id}, {"bytes", item.bytes}, {"reason", item.reason}});
  }
  constexpr double kGigabyte = 1e9;
  return {{"dry_run", body.dry_run},
          {"bytes", bytes},
          {"saved_a_month", std::round(static_cast<double>(bytes) / kGigabyte * body.price * 100) / 100},
          {"items", std::move(list)}};
}

}  // namespace keelson::wire::api
