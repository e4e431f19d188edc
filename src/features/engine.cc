#include "features/engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace keelson::features {
namespace {

// The instant `span` before `t`, without wrapping around.
std::int64_t Before(std::int64_t t, std::int64_t span) {
  constexpr auto kFirst = std::numeric_limits<std::int64_t>::min();
  return span == FeaturePlan::kUnlimited || t < kFirst + span ? kFirst : t - span;
}

}  // namespace

Result<FeatureEngine> FeatureEngine::Create(const Definitions& definitions) {
  KEELSON_ASSIGN_OR_RETURN(auto plan, FeaturePlan::Create(definitions));
  return FeatureEngine(std::move(plan));
}

FeatureEngine::FeatureEngine(std::shared_ptr<const FeaturePlan> plan)
    : plan_(std::move(plan)),
      keys_(plan_->entities().size()),
      values_(plan_->series().size()),
      features_of_(plan_->series().size()) {
  for (std::size_t i = 0; i < plan_->features().size(); ++i) features_of_[plan_->features()[i].series].push_back(i);
  std::int64_t longest = 0;
  for (const auto& series : plan_->series()) {
    if (series.retention != FeaturePlan::kUnlimited) longest = std::max(longest, series.retention);
  }
  sweep_every_ = longest / 8;
}

std::uint32_t FeatureEngine::Intern(std::size_t entity, std::string_view key) {
  auto& keys = keys_[entity];
  if (const auto found = keys.find(key); found != keys.end()) return found->second;
  const auto number = static_cast<std::uint32_t>(keys.size());
  keys.emplace(std::string(key), number);
  return number;
}

std::uint32_t FeatureEngine::Find(std::size_t entity, std::string_view key) const {
  const auto found = keys_[entity].find(key);
  return found == keys_[entity].end() ? kNoKey : found->second;
}

Status FeatureEngine::Check(const Event& event) const {
  return WindowValues::Check(plan_->series()[event.series].needs, event.value);
}

bool FeatureEngine::Forgotten(std::size_t series, std::int64_t known) const {
  return known <= Before(ToMicros(oldest_), plan_->series()[series].retention) && oldest_ != Instant::min();
}

Status FeatureEngine::Add(const Event& event) {
  KEELSON_RETURN_IF_ERROR(Check(event));
  if (Forgotten(event.series, event.known)) return {};
  auto& by_key = values_[event.series];
  if (by_key.size() <= event.key) by_key.resize(keys_[plan_->series()[event.series].entity].size());
  WindowValues& values = by_key[event.key];
  const auto& series = plan_->series()[event.series];
  events_ -= values.size();
  if (oldest_ != Instant::min()) values.ForgetUntil(series.needs, Before(ToMicros(oldest_), series.retention));
  values.Insert(series.needs, event.known, event.value);
  events_ += values.size();
  return {};
}

Status FeatureEngine::Retract(const Event& event) {
  if (Forgotten(event.series, event.known)) return {};
  auto& by_key = values_[event.series];
  if (event.key < by_key.size() &&
      by_key[event.key].Erase(plan_->series()[event.series].needs, event.known, event.value)) {
    --events_;
    return {};
  }
  return Fail(ErrorCode::kNotFound, fmt::format("no event of value {} was known at {}", event.value,
                                                FormatInstant(InstantFromMicros(event.known))));
}

bool FeatureEngine::Retain(Instant oldest) {
  if (oldest <= oldest_) return false;
  oldest_ = oldest;
  if (swept_ == Instant::min()) swept_ = oldest;
  if ((oldest - swept_).count() < sweep_every_ || sweep_every_ == 0) return false;
  swept_ = oldest;
  for (std::size_t i = 0; i < values_.size(); ++i) {
    const auto& series = plan_->series()[i];
    const std::int64_t until = Before(ToMicros(oldest_), series.retention);
    for (WindowValues& values : values_[i]) {
      if (values.empty()) continue;
      events_ -= values.size();
      values.ForgetUntil(series.needs, until);
      events_ += values.size();
      if (values.empty()) values = WindowValues();
    }
  }
  return true;
}

Status FeatureEngine::Lookup(std::span<const std::uint32_t> keys, Instant t, std::span<double> out) const {
  if (t < oldest_) {
    return Fail(ErrorCode::kFailedPrecondition, fmt::format("features are kept for lookups from {} on; {} is before it",
                                                            FormatInstant(oldest_), FormatInstant(t)));
  }
  const std::int64_t now = ToMicros(t);
  const auto& features = plan_->features();
  static const WindowValues kNone;
  for (std::size_t i = 0; i < values_.size(); ++i) {
    const std::uint32_t key = keys[plan_->series()[i].entity];
    const WindowValues& values = key < values_[i].size() ? values_[i][key] : kNone;
    const std::size_t high = values.PositionAfter(now);
    for (const std::size_t feature : features_of_[i]) {
      const std::size_t low = values.PositionAfter(Before(now, features[feature].window), high);
      out[feature] = values.Aggregate(features[feature].fn, low, high);
    }
  }
  return {};
}

}  // namespace keelson::features
