#include "kubernetes/operator/refusals.h"

#include <algorithm>

namespace keelson::kubernetes {

const Refusals::Refusal& Refusals::Add(const ObjectKey& key, const std::string& why, Moment now,
                                       const WaitBefore& wait) {
  Refusal& refusal = all_[key];
  refusal.why = why;
  ++refusal.failures;
  refusal.again = now + wait(refusal.failures + 1);
  return refusal;
}

std::size_t Refusals::KeepOnly(const std::function<bool(const ObjectKey&)>& wanted) {
  return std::erase_if(all_, [&](const auto& each) { return !wanted(each.first); });
}

bool Refusals::MayAsk(const ObjectKey& key, Moment now) const {
  const auto found = all_.find(key);
  return found == all_.end() || found->second.again <= now;
}

bool Refusals::AnyDue(Moment now) const {
  return std::ranges::any_of(all_, [&](const auto& each) { return each.second.again <= now; });
}

std::optional<Moment> Refusals::next() const {
  std::optional<Moment> first;
  for (const auto& [key, refusal] : all_) first = first ? std::min(*first, refusal.again) : refusal.again;
  return first;
}

std::map<ObjectKey, std::string> Refusals::reasons() const {
  std::map<ObjectKey, std::string> reasons;
  for (const auto& [key, refusal] : all_) reasons.emplace(key, refusal.why);
  return reasons;
}

}  // namespace keelson::kubernetes
