#include "wire/api/promotion_body.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "wire/api/body_reader.h"
#include "wire/api/json_fields.h"

namespace keelson::wire::api {
namespace {

using control::Json;
using tracking::PromotionRule;
using tracking::PromotionTarget;

constexpr std::size_t kMostText = 1000;  // bytes of a name or comment
constexpr std::array<std::string_view, 4> kStages = {"None", "Staging", "Production", "Archived"};

Result<std::string> ShortText(Fields& fields, const std::string& name) {
  KEELSON_ASSIGN_OR_RETURN(std::string text, fields.Text(name, ""));
  if (text.size() > kMostText) return fields.Wrong(name, fmt::format("at most {} bytes", kMostText));
  return text;
}

Result<PromotionTarget> ReadTarget(Fields& fields) {
  KEELSON_ASSIGN_OR_RETURN(const std::string alias, ShortText(fields, "alias"));
  KEELSON_ASSIGN_OR_RETURN(const std::string stage, ShortText(fields, "stage"));
  if (alias.empty() == stage.empty()) return fields.Wrong("alias", "either an alias or a stage");
  if (!alias.empty()) return PromotionTarget{PromotionTarget::Kind::kAlias, alias};
  if (std::ranges::find(kStages, stage) == kStages.end()) {
    return fields.Wrong("stage", "\"None\", \"Staging\", \"Production\" or \"Archived\"");
  }
  return PromotionTarget{PromotionTarget::Kind::kStage, stage};
}

void PutTarget(const PromotionTarget& target, Json& json) {
  json[target.kind == PromotionTarget::Kind::kAlias ? "alias" : "stage"] = target.name;
}

Result<std::optional<double>> Limit(Fields& fields, const std::string& name) {
  const Json* value = fields.Take(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number()) return fields.Wrong(name, "a number");
  return value->get<double>();
}

Result<PromotionRule::Metric> ReadMetric(const Json& json, const std::string& where) {
  KEELSON_ASSIGN_OR_RETURN(Fields fields, Fields::Of(json, where));
  PromotionRule::Metric metric;
  KEELSON_ASSIGN_OR_RETURN(metric.name, ShortText(fields, "name"));
  if (metric.name.empty()) return fields.Wrong("name", "the name of a metric");
  KEELSON_ASSIGN_OR_RETURN(metric.at_least, Limit(fields, "at_least"));
  KEELSON_ASSIGN_OR_RETURN(metric.at_most, Limit(fields, "at_most"));
  KEELSON_RETURN_IF_ERROR(fields.Done());
  return metric;
}

Result<PromotionRule> ReadRule(const Json& json, const std::string& where) {
  KEELSON_ASSIGN_OR_RETURN(Fields fields, Fields::Of(json, where));
  PromotionRule rule;
  KEELSON_ASSIGN_OR_RETURN(rule.target, ReadTarget(fields));
  if (const Json* metrics = fields.Take("metrics")) {
    if (!metrics->is_array()) return fields.Wrong("metrics", "a list of metrics");
    for (std::size_t i = 0; i < metrics->size(); ++i) {
      KEELSON_ASSIGN_OR_RETURN(rule.metrics.emplace_back(),
                               ReadMetric((*metrics)[i], fields.Where(fmt::format("metrics[{}]", i))));
    }
  }
  if (const Json* tags = fields.Take("tags")) {
    if (!tags->is_object()) return fields.Wrong("tags", "an object of tags");
    for (const auto& [key, value] : tags->items()) {
      if (!value.is_null() && !value.is_string()) return fields.Wrong("tags." + key, "text, or null for any");
      rule.tags.push_back({key, std::nullopt});
      if (value.is_string()) rule.tags.back().value = value.get<std::string>();
    }
  }
  if (const Json* approvals = fields.Take("approvals")) {
    if (!approvals->is_number_unsigned() || approvals->get<std::uint64_t>() > 100) {
      return fields.Wrong("approvals", "a whole number up to 100");
    }
    rule.approvals = approvals->get<std::int64_t>();
  }
  KEELSON_RETURN_IF_ERROR(fields.Done());
  return rule;
}

}  // namespace

Result<std::vector<PromotionRule>> ReadPromotionRules(const std::string& text) {
  KEELSON_ASSIGN_OR_RETURN(const Json json, ObjectOfBody(text));
  KEELSON_ASSIGN_OR_RETURN(Fields fields, Fields::Of(json, ""));
  const Json* list = fields.Take("rules");
  if (list == nullptr || !list->is_array()) return fields.Wrong("rules", "a list of rules");
  std::vector<PromotionRule> rules;
  for (std::size_t i = 0; i < list->size(); ++i) {
    KEELSON_ASSIGN_OR_RETURN(rules.emplace_back(), ReadRule((*list)[i], fmt::format("rules[{}]", i)));
  }
  KEELSON_RETURN_IF_ERROR(fields.Done());
  return rules;
}

Json PromotionRulesView(const std::vector<PromotionRule>& rules) {
  Json list = Json::array();
  for (const PromotionRule& rule : rules) {
    Json one = {{"metrics", Json::array()}, {"tags", Json::object()}, {"approvals", rule.approvals}};
    PutTarget(rule.target, one);
    for (const auto& metric : rule.metrics) {
      Json limits = {{"name", metric.name}};
      if (metric.at_least) limits["at_least"] = *metric.at_least;
      if (metric.at_most) limits["at_most"] = *metric.at_most;
      one["metrics"].push_back(std::move(limits));
    }
    for (const auto& tag : rule.tags) one["tags"][tag.key] = tag.value ? Json(*tag.value) : Json(nullptr);
    list.push_back(std::move(one));
  }
  return {{"rules", std::move(list)}};
}

Result<ApprovalBody> ReadApproval(const std::string& text) {
  KEELSON_ASSIGN_OR_RETURN(const Json json, ObjectOfBody(text));
  KEELSON_ASSIGN_OR_RETURN(Fields fields, Fields::Of(json, ""));
  ApprovalBody body;
  KEELSON_ASSIGN_OR_RETURN(body.target, ReadTarget(fields));
  KEELSON_ASSIGN_OR_RETURN(body.who, ShortText(fields, "who"));
  if (body.who.empty()) return fields.Wrong("who", "the name of who approves");
  KEELSON_ASSIGN_OR_RETURN(body.comment, ShortText(fields, "comment"));
  KEELSON_RETURN_IF_ERROR(fields.Done());
  return body;
}

Json ApprovalsView(const std::vector<tracking::Approval>& approvals) {
  Json list = Json::array();
  for (const auto& approval : approvals) {
    Json one = {{"who", approval.who}, {"comment", approval.comment}, {"when", FormatInstant(approval.when)}};
    PutTarget(approval.target, one);
    list.push_back(std::move(one));
  }
  return {{"approvals", std::move(list)}};
}

}  // namespace keelson::wire::api
