#include "app/backtest/report.h"

#include <fmt/format.h>

#include <cmath>

#include "app/output.h"
#include "app/replay/summary.h"
#include "control/month_json.h"

namespace keelson::app {
namespace {

using Ordered = nlohmann::ordered_json;

double Rounded(double seconds) {
  return std::round(seconds * 1'000) / 1'000;
}

double DeclaredSeconds(const project::Project& project, std::size_t trainings) {
  return static_cast<double>(trainings) * std::chrono::duration<double>(project.train->declared_duration).count();
}

Ordered TrainingJson(const Training& training, std::size_t number, const project::Project& project) {
  return {{"number", number},
          {"cause", training.cause},
          {"as_of", FormatInstant(training.as_of)},
          {"rows", training.rows},
          {"test_rows", training.test_rows},
          {"trials", training.trials},
          {"search_seconds", Rounded(training.search_seconds)},
          {"train_seconds", Rounded(training.train_seconds)},
          {"other_seconds", Rounded(training.other_seconds)},
          {"declared_seconds", DeclaredSeconds(project, 1)},
          {"version", training.version ? Ordered(*training.version) : Ordered(nullptr)},
          {"metrics", training.metrics},
          {"champion_metrics", training.champion_metrics},
          {"outcome", training.outcome},
          {"in_service", training.in_service ? Ordered(FormatInstant(*training.in_service)) : Ordered(nullptr)}};
}

std::string Cell(const Ordered& value, const char* format) {
  return value.is_number() ? fmt::format(fmt::runtime(format), value.get<double>()) : "-";
}

std::string Metric(const Ordered& metrics, const char* name) {
  return metrics.is_object() && metrics.contains(name) ? Cell(metrics.at(name), "{:.4f}") : "-";
}

TextTable MonthsTable(const Ordered& months) {
  TextTable table;
  table.header = {"month",     "asked",  "labelled",  "auc frozen", "auc live",     "loss frozen",
                  "loss live", "alarms", "retrained", "promoted",   "training time"};
  for (const Ordered& month : months) {
    table.rows.push_back({month.at("month"), Cell(month.at("asked"), "{:.0f}"), Cell(month.at("labelled"), "{:.0f}"),
                          Cell(month.at("auc_frozen"), "{:.4f}"), Cell(month.at("auc_live"), "{:.4f}"),
                          Cell(month.at("logloss_frozen"), "{:.4f}"), Cell(month.at("logloss_live"), "{:.4f}"),
                          Cell(month.at("drift_alarms"), "{:.0f}"), Cell(month.at("retrainings"), "{:.0f}"),
                          Cell(month.at("promotions"), "{:.0f}"), Cell(month.at("training_seconds"), "{:.1f} s")});
  }
  return table;
}

TextTable TrainingsTable(const Ordered& trainings) {
  TextTable table;
  table.header = {"#", "as of", "rows", "auc", "champion's", "search", "training", "declared", "version", "outcome"};
  for (const Ordered& training : trainings) {
    table.rows.push_back(
        {Cell(training.at("number"), "{:.0f}"), training.at("as_of"), Cell(training.at("rows"), "{:.0f}"),
         Metric(training.at("metrics"), "auc"), Metric(training.at("champion_metrics"), "auc"),
         training.at("trials") == 0 ? "-" : Cell(training.at("search_seconds"), "{:.1f} s"),
         Cell(training.at("train_seconds"), "{:.1f} s"), Cell(training.at("declared_seconds"), "{:.0f} s"),
         Cell(training.at("version"), "{:.0f}"), training.at("outcome")});
  }
  return table;
}

}  // namespace

Ordered BacktestJson(const project::Project& project, const BacktestResult& result) {
  Ordered trainings = Ordered::array();
  std::map<std::string, double> seconds_by_month;
  const Calendar calendar = Calendar::Open(project.time_zone).value_or(Calendar::Utc());
  double searching = 0;
  double training_seconds = 0;
  double other = 0;
  std::size_t rows = 0;
  for (const Training& training : result.trainings) {
    trainings.push_back(TrainingJson(training, trainings.size() + 1, project));
    const double seconds = training.search_seconds + training.train_seconds + training.other_seconds;
    if (trainings.size() > 1) seconds_by_month[calendar.Month(training.as_of)] += seconds;
    searching += training.search_seconds;
    training_seconds += training.train_seconds;
    other += training.other_seconds;
    rows += training.rows;
  }
  Ordered months = Ordered::array();
  for (const BacktestMonth& month : result.months) {
    months.push_back(control::MonthJson(
        month.report, {.alarms = month.alarms, .retrainings = month.retrainings, .promotions = month.promotions}));
    months.back()["training_seconds"] = Rounded(seconds_by_month[month.report.month]);
  }
  Ordered alarms = Ordered::array();
  for (const BacktestAlarm& alarm : result.alarms) {
    alarms.push_back({{"at", FormatInstant(alarm.at)}, {"breaches", alarm.breaches}, {"retrained", alarm.retrained}});
  }
  const Ordered mean = MeanOfMonths(Json(months));
  return {{"project", project.name},
          {"from", FormatInstant(result.from)},
          {"to", FormatInstant(result.to)},
          {"asked", result.asked},
          {"labelled", result.labelled},
          {"months", months},
          {"mean", mean},
          {"alarms", alarms},
          {"trainings", trainings},
          {"cost",
           {{"retrainings", result.trainings.size() - 1},
            {"rows", rows},
            {"search_seconds", Rounded(searching)},
            {"train_seconds", Rounded(training_seconds)},
            {"other_seconds", Rounded(other)},
            {"declared_seconds", DeclaredSeconds(project, result.trainings.size())},
            {"reading_seconds", Rounded(result.reading_seconds)},
            {"seconds", Rounded(result.seconds)}}}};
}

std::string BacktestText(const Ordered& json) {
  std::string text =
      FormatTable(MonthsTable(json.at("months"))) + "\n" + FormatTable(TrainingsTable(json.at("trainings")));
  text += json.at("alarms").empty() ? "\nno alarm would have been raised\n" : "\nalarms:\n";
  for (const Ordered& alarm : json.at("alarms")) {
    text += fmt::format("  {}  {}{}\n", alarm.at("at").get<std::string>(),
                        fmt::join(alarm.at("breaches").get<std::vector<std::string>>(), "; "),
                        alarm.at("retrained").get<bool>() ? "" : " (no retraining then)");
  }
  const Ordered& mean = json.at("mean");
  if (mean.contains("auc_gain")) {
    text += fmt::format(
        "\ngain, mean of the months: live AUC {:.4f}; live less frozen: AUC {:+.4f}, log loss {:+.4f}\n",
        mean.at("auc_live").get<double>(), mean.at("auc_gain").get<double>(), mean.value("logloss_gain", 0.0));
  }
  const Ordered& cost = json.at("cost");
  text += fmt::format(
      "cost: {} retrainings after the first model; on this machine {:.1f} s of training, {:.1f} s of search, {:.1f} s "
      "of "
      "checks, frames and evaluation; declared {:.0f} s; the backtest took {:.1f} s\n",
      cost.at("retrainings").get<std::size_t>(), cost.at("train_seconds").get<double>(),
      cost.at("search_seconds").get<double>(), cost.at("other_seconds").get<double>(),
      cost.at("declared_seconds").get<double>(), cost.at("seconds").get<double>());
  return text;
}

}  // namespace keelson::app
