#include "app/backtest/traffic.h"

#include <cmath>
#include <map>

#include "control/monitor_loop.h"
#include "gateway/endpoint.h"

namespace keelson::app {

Result<std::unique_ptr<Traffic>> Traffic::Create(const project::Project& project, const History& history,
                                                 const Trainings& trainings) {
  auto traffic = std::unique_ptr<Traffic>(new Traffic(project, history, trainings));
  KEELSON_ASSIGN_OR_RETURN(traffic->monitor_, monitoring::Monitor::Create(control::MonitorOptionsOf(project)));
  return traffic;
}

Status Traffic::Serve(std::size_t begin, std::size_t end, const std::vector<std::pair<int, int>>& shares) {
  std::vector<int> weights;
  weights.reserve(shares.size());
  for (const auto& [version, percent] : shares) weights.push_back(percent);
  std::map<int, std::vector<std::size_t>> rows;
  for (std::size_t i = begin; i < end; ++i) {
    const ReplayEvent& event = history_.past.events[i];
    if (event.kind == ReplayEvent::Kind::kAsk) {
      const auto place = gateway::PlaceOf(gateway::RouteHash(project_.name, history_.request_ids[event.row]), weights);
      if (!place) return Fail(ErrorCode::kInternal, "something was asked while nothing was served");
      rows[shares[*place].first].push_back(event.row);
      continue;
    }
    // What is known of a row early holds no label yet.
    if (event.kind != ReplayEvent::Kind::kRow || event.source != history_.label_source) continue;
    const double label = history_.labels[event.row];
    if (std::isnan(label) || history_.label_ids[event.row].empty()) continue;
    monitor_->AddLabel({.request_id = history_.label_ids[event.row], .known = event.at, .value = label});
    ++labelled_;
  }
  for (const auto& [version, asked] : rows) {
    KEELSON_ASSIGN_OR_RETURN(const auto scores, Predict(version, asked));
    for (std::size_t i = 0; i < asked.size(); ++i) served_.push_back({asked[i], version, scores[i]});
    asked_ += asked.size();
  }
  return {};
}

// The last output of each row: of a classifier, the positive class.
Result<std::vector<double>> Traffic::Predict(int version, const std::vector<std::size_t>& rows) const {
  const serving::LoadedModel& model = *trainings_.model(version).model;
  KEELSON_ASSIGN_OR_RETURN(const auto numbers, model.Encode(history_.model_rows.Take(rows)));
  const std::vector<float> outputs = model.Predict(numbers, rows.size());
  const std::size_t width = model.outputs();
  std::vector<double> scores(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) scores[i] = static_cast<double>(outputs[i * width + width - 1]);
  return scores;
}

void Traffic::Watch(int version, Instant since) {
  const data::Profile& profile = trainings_.model(version).profile;
  watched_.clear();
  for (const auto& column : profile.columns) {
    if (column.name != "score") watched_.push_back(history_.model_rows.Find(column.name));
  }
  monitor_->SetProfile(profile, since);
}

void Traffic::Freeze(int version) {
  frozen_ = version;
}

Status Traffic::Consume() {
  if (served_.empty()) return {};
  std::vector<double> baseline;
  if (frozen_) {
    std::vector<std::size_t> rows;
    rows.reserve(served_.size());
    for (const Prediction& prediction : served_) rows.push_back(prediction.row);
    KEELSON_ASSIGN_OR_RETURN(baseline, Predict(*frozen_, rows));
  }
  const ReplaySource& asked = history_.asked();
  const data::Column& time = *asked.rows.Find(asked.described.time);
  for (std::size_t i = 0; i < served_.size(); ++i) {
    const Prediction& prediction = served_[i];
    monitoring::Observation observation;
    observation.request_id = history_.request_ids[prediction.row];
    observation.version = std::to_string(prediction.version);
    observation.time = InstantFromMicros(time.ints[prediction.row]);
    observation.inputs.reserve(watched_.size());
    for (const data::Column* column : watched_) {
      observation.inputs.push_back(column == nullptr ? data::Value{} : control::ObservedCell(*column, prediction.row));
    }
    observation.score = prediction.score;
    if (frozen_) observation.baseline_score = baseline[i];
    monitor_->AddObservation(std::move(observation));
  }
  served_.clear();
  return {};
}

Result<monitoring::WindowReport> Traffic::Report(Instant at) {
  KEELSON_RETURN_IF_ERROR(Consume());
  return monitor_->Report(at);
}

Result<std::vector<monitoring::MonthReport>> Traffic::Months() {
  KEELSON_RETURN_IF_ERROR(Consume());
  return monitor_->Months();
}

}  // namespace keelson::app
