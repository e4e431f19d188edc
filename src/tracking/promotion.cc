#include "tracking/promotion.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "tracking/metric_history.h"
#include "tracking/pairs.h"
#include "tracking/transaction.h"
#include "tracking/version_rows.h"

namespace keelson::tracking {
namespace {

using Kind = PromotionTarget::Kind;

constexpr std::string_view kAlias = "alias:";
constexpr std::string_view kStage = "stage:";

PromotionTarget TargetNamed(const std::string& name) {
  if (name.starts_with(kStage)) return {Kind::kStage, name.substr(kStage.size())};
  return {Kind::kAlias, name.substr(kAlias.size())};
}

io::SqlValue Nullable(const std::optional<double>& value) {
  return value ? io::SqlValue(*value) : io::SqlValue();
}

std::optional<double> OptionalNumber(const io::SqlValue& value) {
  if (io::IsNull(value)) return std::nullopt;
  return io::AsDouble(value);
}

Result<PromotionRule> ReadRule(io::SqlSession& session, const std::string& model, const std::string& target,
                               std::int64_t approvals) {
  PromotionRule rule{.target = TargetNamed(target), .approvals = approvals};
  KEELSON_ASSIGN_OR_RETURN(const auto metrics,
                           session.Query("SELECT metric, at_least, at_most FROM promotion_metric WHERE model = ? AND "
                                         "target = ? ORDER BY metric",
                                         {model, target}));
  for (const auto& row : metrics) {
    rule.metrics.push_back({io::AsText(row[0]), OptionalNumber(row[1]), OptionalNumber(row[2])});
  }
  KEELSON_ASSIGN_OR_RETURN(
      const auto tags, session.Query("SELECT key, value FROM promotion_tag WHERE model = ? AND target = ? ORDER BY key",
                                     {model, target}));
  for (const auto& row : tags) {
    rule.tags.push_back({io::AsText(row[0]), std::nullopt});
    if (!io::IsNull(row[1])) rule.tags.back().value = io::AsText(row[1]);
  }
  return rule;
}

Status PutRule(io::SqlSession& session, const std::string& model, const PromotionRule& rule) {
  const std::string target = NameOf(rule.target);
  KEELSON_RETURN_IF_ERROR(
      session.Execute("INSERT INTO promotion_rule VALUES (?, ?, ?)", {model, target, rule.approvals}));
  for (const auto& metric : rule.metrics) {
    KEELSON_RETURN_IF_ERROR(
        session.Execute("INSERT INTO promotion_metric VALUES (?, ?, ?, ?, ?)",
                        {model, target, metric.name, Nullable(metric.at_least), Nullable(metric.at_most)}));
  }
  for (const auto& tag : rule.tags) {
    KEELSON_RETURN_IF_ERROR(
        session.Execute("INSERT INTO promotion_tag VALUES (?, ?, ?, ?)",
                        {model, target, tag.key, tag.value ? io::SqlValue(*tag.value) : io::SqlValue()}));
  }
  return {};
}

Status RequireModel(io::SqlSession& session, const std::string& model) {
  KEELSON_ASSIGN_OR_RETURN(const auto rows, session.Query("SELECT 1 FROM model WHERE name = ?", {model}));
  if (rows.empty()) return Fail(ErrorCode::kNotFound, "no such registered model", model);
  return {};
}

// A logged model's metric that is not a number is kept as 0, as MLflow keeps it; the run that logged it knows better.
Result<bool> WasNan(io::SqlSession& session, const std::string& run_id, const std::string& key, std::int64_t step,
                    std::int64_t time_ms) {
  KEELSON_ASSIGN_OR_RETURN(
      const auto rows,
      session.Query("SELECT run.sequence, metric_key.id FROM run, metric_key WHERE run.id = ? AND metric_key.name = ?",
                    {run_id, key}));
  if (rows.empty()) return false;
  KEELSON_ASSIGN_OR_RETURN(const auto points,
                           ReadHistory(session, io::AsInt(rows[0][0]), io::AsInt(rows[0][1]), std::pair(step, step)));
  return std::ranges::any_of(points,
                             [&](const HistoryPoint& point) { return point.is_nan && point.time_ms == time_ms; });
}

// Nothing when neither the run nor the logged model has it, or it is not a number.
Result<std::optional<double>> MetricOf(io::SqlSession& session, const VersionRecord& version, const std::string& name) {
  KEELSON_ASSIGN_OR_RETURN(
      const auto of_run,
      session.Query("SELECT value, is_nan FROM latest_metric JOIN run ON run.sequence = latest_metric.run JOIN "
                    "metric_key ON metric_key.id = latest_metric.key WHERE run.id = ? AND metric_key.name = ?",
                    {version.run_id, name}));
  if (!of_run.empty()) {
    if (io::AsInt(of_run[0][1]) != 0) return std::nullopt;
    return io::AsDouble(of_run[0][0]);
  }
  KEELSON_ASSIGN_OR_RETURN(
      const auto of_model,
      session.Query("SELECT m.value, m.run_id, m.step, m.time_ms FROM version v JOIN logged_model l ON l.id = "
                    "v.model_id JOIN logged_model_metric m "
                    "ON m.model = l.number WHERE v.model = ? AND v.version = ? AND m.key = ? ORDER BY m.step DESC, "
                    "m.time_ms DESC LIMIT 1",
                    {version.model, version.version, name}));
  if (of_model.empty()) return std::nullopt;
  const double value = io::AsDouble(of_model[0][0]);
  if (value != 0) return value;
  KEELSON_ASSIGN_OR_RETURN(const bool nan, WasNan(session, io::AsText(of_model[0][1]), name, io::AsInt(of_model[0][2]),
                                                  io::AsInt(of_model[0][3])));
  if (nan) return std::nullopt;
  return value;
}

void CheckMetric(const PromotionRule::Metric& wanted, const std::optional<double>& value,
                 std::vector<std::string>& missing) {
  if (!value) {
    missing.push_back(fmt::format("its run has no metric {}", wanted.name));
  } else if (wanted.at_least && !(*value >= *wanted.at_least)) {
    missing.push_back(fmt::format("{} is {}, less than {}", wanted.name, *value, *wanted.at_least));
  } else if (wanted.at_most && !(*value <= *wanted.at_most)) {
    missing.push_back(fmt::format("{} is {}, more than {}", wanted.name, *value, *wanted.at_most));
  }
}

void CheckTag(const PromotionRule::Tag& wanted, const Pairs& tags, std::vector<std::string>& missing) {
  for (const auto& [key, value] : tags) {
    if (key != wanted.key) continue;
    if (wanted.value && value != *wanted.value) {
      missing.push_back(fmt::format("its tag {} is \"{}\", not \"{}\"", key, value, *wanted.value));
    }
    return;
  }
  missing.push_back(fmt::format("it has no tag {}", wanted.key));
}

}  // namespace

std::string NameOf(const PromotionTarget& target) {
  return std::string(target.kind == Kind::kAlias ? kAlias : kStage) + target.name;
}

Result<std::vector<PromotionRule>> Promotions::Rules(const std::string& model) {
  return Reading(database_, [&](io::SqlSession& session) -> Result<std::vector<PromotionRule>> {
    KEELSON_RETURN_IF_ERROR(RequireModel(session, model));
    KEELSON_ASSIGN_OR_RETURN(
        const auto rows,
        session.Query("SELECT target, approvals FROM promotion_rule WHERE model = ? ORDER BY target", {model}));
    std::vector<PromotionRule> rules;
    for (const auto& row : rows) {
      KEELSON_ASSIGN_OR_RETURN(rules.emplace_back(), ReadRule(session, model, io::AsText(row[0]), io::AsInt(row[1])));
    }
    return rules;
  });
}

Status Promotions::SetRules(const std::string& model, const std::vector<PromotionRule>& rules) {
  return database_.Write([&](io::SqlSession& session) -> Status {
    KEELSON_RETURN_IF_ERROR(RequireModel(session, model));
    KEELSON_RETURN_IF_ERROR(session.Execute("DELETE FROM promotion_rule WHERE model = ?", {model}));
    for (const PromotionRule& rule : rules) {
      const Status put = PutRule(session, model, rule);
      if (put) continue;
      if (put.error().code != ErrorCode::kAlreadyExists) return put;
      return Fail(ErrorCode::kInvalidArgument, "a target, or a metric or tag of one, is named twice",
                  NameOf(rule.target));
    }
    return {};
  });
}

Status Promotions::Approve(const std::string& model, std::int64_t version, const PromotionTarget& target,
                           const std::string& who, const std::string& comment) {
  return database_.Write([&](io::SqlSession& session) -> Status {
    KEELSON_RETURN_IF_ERROR(ReadVersionRecord(session, model, version));
    KEELSON_RETURN_IF_ERROR(
        session.Execute("INSERT OR IGNORE INTO approval VALUES (?, ?, ?, ?, ?, ?)",
                        {model, version, NameOf(target), who, comment, ToMicros(clock_.WallNow())}));
    return {};
  });
}

Result<std::vector<Approval>> Promotions::Approvals(const std::string& model, std::int64_t version) {
  return Reading(database_, [&](io::SqlSession& session) -> Result<std::vector<Approval>> {
    KEELSON_RETURN_IF_ERROR(ReadVersionRecord(session, model, version));
    KEELSON_ASSIGN_OR_RETURN(const auto rows,
                             session.Query("SELECT target, who, comment, approved_us FROM approval WHERE model = ? AND "
                                           "version = ? ORDER BY approved_us, target, who",
                                           {model, version}));
    std::vector<Approval> approvals;
    for (const auto& row : rows) {
      approvals.push_back({TargetNamed(io::AsText(row[0])), io::AsText(row[1]), io::AsText(row[2]),
                           InstantFromMicros(io::AsInt(row[3]))});
    }
    return approvals;
  });
}

Status CheckPromotion(io::SqlSession& session, const std::string& model, std::int64_t version,
                      const PromotionTarget& target) {
  const std::string name = NameOf(target);
  KEELSON_ASSIGN_OR_RETURN(
      const auto rules,
      session.Query("SELECT approvals FROM promotion_rule WHERE model = ? AND target = ?", {model, name}));
  if (rules.empty()) return {};
  KEELSON_ASSIGN_OR_RETURN(const PromotionRule rule, ReadRule(session, model, name, io::AsInt(rules[0][0])));
  KEELSON_ASSIGN_OR_RETURN(const VersionRecord record, ReadVersionRecord(session, model, version));
  std::vector<std::string> missing;
  for (const auto& metric : rule.metrics) {
    KEELSON_ASSIGN_OR_RETURN(const auto value, MetricOf(session, record, metric.name));
    CheckMetric(metric, value, missing);
  }
  for (const auto& tag : rule.tags) CheckTag(tag, record.tags, missing);
  KEELSON_ASSIGN_OR_RETURN(const auto approved,
                           session.Query("SELECT count(*) FROM approval WHERE model = ? AND version = ? AND target = ?",
                                         {model, version, name}));
  const std::int64_t count = io::AsInt(approved.at(0)[0]);
  if (count < rule.approvals) missing.push_back(fmt::format("{} of {} approvals are given", count, rule.approvals));
  if (missing.empty()) return {};
  return Fail(ErrorCode::kPermissionDenied,
              fmt::format("version {} of {} may not become its {} {}: {}", version, model,
                          target.kind == Kind::kAlias ? "alias" : "stage", target.name, fmt::join(missing, "; ")));
}

}  // namespace keelson::tracking
