#include "app/replay/summary.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/output.h"

namespace keelson::app {
namespace {

Json Percentile(std::vector<std::uint32_t> latencies_us, std::size_t percent) {
  if (latencies_us.empty()) return nullptr;
  const auto nth = static_cast<std::ptrdiff_t>((latencies_us.size() - 1) * percent / 100);
  std::ranges::nth_element(latencies_us, latencies_us.begin() + nth);
  return static_cast<double>(latencies_us[static_cast<std::size_t>(nth)]) / 1'000;
}

std::string Cell(const Json& value, const char* format) {
  return value.is_number() ? fmt::format(fmt::runtime(format), value.get<double>()) : "-";
}

std::string Count(const Json& value) {
  return value.is_number() ? std::to_string(value.get<std::int64_t>()) : "-";
}

}  // namespace

Json MeanOfMonths(const Json& months) {
  std::map<std::string, std::pair<double, int>> sums;
  for (const Json& month : months) {
    const auto difference = [&](const char* live, const char* frozen, const char* name) {
      if (!month.at(live).is_number() || !month.at(frozen).is_number()) return;
      auto& [sum, count] = sums[name];
      sum += month.at(live).get<double>() - month.at(frozen).get<double>();
      ++count;
    };
    difference("auc_live", "auc_frozen", "auc_gain");
    difference("logloss_live", "logloss_frozen", "logloss_gain");
    if (month.at("auc_live").is_number()) {
      auto& [sum, count] = sums["auc_live"];
      sum += month.at("auc_live").get<double>();
      ++count;
    }
  }
  Json mean = Json::object();
  for (const auto& [name, entry] : sums) mean[name] = entry.first / entry.second;
  return mean;
}

Json MergeSummary(const Json& served, const ReplayResult& asked) {
  Json months = Json::array();
  for (Json month : served.at("months")) {
    const auto mine = asked.months.find(month.at("month").get<std::string>());
    if (mine != asked.months.end()) {
      month["asked"] = mine->second.asked;
      month["failed"] = mine->second.failed;
      month["p50_ms"] = Percentile(mine->second.latencies_us, 50);
      month["p99_ms"] = Percentile(mine->second.latencies_us, 99);
    }
    months.push_back(std::move(month));
  }
  Json refusals = Json::array();
  for (const auto& text : asked.first_refusals) refusals.push_back(Json::parse(text, nullptr, false));
  return {{"months", months},
          {"mean", MeanOfMonths(months)},
          {"asking_seconds", asked.asking_seconds},
          {"waiting_seconds", asked.waiting_seconds},
          {"refused_batches", asked.refused_batches},
          {"refused_rows", asked.refused_rows},
          {"refusals", refusals}};
}

std::string SummaryText(const Json& summary) {
  TextTable table;
  table.header = {"month",  "asked",     "labelled", "auc frozen", "auc live", "loss frozen", "loss live",
                  "alarms", "retrained", "promoted", "p50 ms",     "p99 ms",   "failed"};
  for (const Json& month : summary.at("months")) {
    table.rows.push_back({month.at("month"), Count(month.at("asked")), Count(month.at("labelled")),
                          Cell(month.at("auc_frozen"), "{:.4f}"), Cell(month.at("auc_live"), "{:.4f}"),
                          Cell(month.at("logloss_frozen"), "{:.4f}"), Cell(month.at("logloss_live"), "{:.4f}"),
                          Count(month.at("drift_alarms")), Count(month.at("retrainings")),
                          Count(month.at("promotions")), Cell(month.value("p50_ms", Json()), "{:.2f}"),
                          Cell(month.value("p99_ms", Json()), "{:.2f}"), Count(month.value("failed", Json()))});
  }
  std::string text = FormatTable(table);
  const Json& mean = summary.at("mean");
  if (mean.contains("auc_gain")) {
    text += fmt::format("\nmean of the months: live AUC {:.4f}; live less frozen: AUC {:+.4f}, log loss {:+.4f}\n",
                        mean.at("auc_live").get<double>(), mean.at("auc_gain").get<double>(),
                        mean.value("logloss_gain", 0.0));
  }
  text += fmt::format("asking took {:.1f} s, waiting for trainings and rollouts {:.1f} s\n",
                      summary.at("asking_seconds").get<double>(), summary.at("waiting_seconds").get<double>());
  if (const auto refused = summary.at("refused_batches").get<std::uint64_t>(); refused > 0) {
    text += fmt::format("{} batches ({} rows) were refused by their expectations; the first:\n", refused,
                        summary.at("refused_rows").get<std::uint64_t>());
    for (const Json& refusal : summary.at("refusals")) text += "  " + refusal.value("summary", "") + "\n";
  }
  return text;
}

}  // namespace keelson::app
