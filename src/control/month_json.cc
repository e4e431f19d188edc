#include "control/month_json.h"

#include <cmath>

namespace keelson::control {
namespace {

nlohmann::ordered_json Number(const std::optional<double>& value) {
  return value && std::isfinite(*value) ? nlohmann::ordered_json(*value) : nlohmann::ordered_json(nullptr);
}

}  // namespace

nlohmann::ordered_json MonthJson(const monitoring::MonthReport& report, const MonthCounts& counts) {
  return {{"month", report.month},
          {"asked", report.asked},
          {"labelled", report.live.count},
          {"auc_frozen", Number(report.baseline.auc)},
          {"auc_live", Number(report.live.auc)},
          {"logloss_frozen", Number(report.baseline.log_loss)},
          {"logloss_live", Number(report.live.log_loss)},
          {"drift_alarms", counts.alarms},
          {"retrainings", counts.retrainings},
          {"promotions", counts.promotions}};
}

}  // namespace keelson::control
