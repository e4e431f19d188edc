#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "features/keys.h"
#include "features/plan.h"
#include "features/window.h"

namespace keelson::features {

// One value of one series, known from an instant on. Events come from rows by features/events.h.
struct Event {
  std::uint32_t series = 0;
  std::uint32_t key = 0;   // of the series' entity, from FeatureEngine::Intern
  std::int64_t known = 0;  // microseconds
  double value = 0;
  bool operator==(const Event&) const = default;
};

// The one engine of windowed aggregates, for training's point-in-time join and for live lookups. It holds a set of
// events; what a lookup at `t` answers depends only on the events known at or before `t`, bit for bit: not on the order
// in which they were added, nor on later ones that are there already. (See WindowValues for the arithmetic and its
// limits.)
//
// Threads: const calls may run side by side, alone they need no lock; a change needs to be alone. OnlineFeatures sees
// to it. Memory: 16 to 48 bytes an event within its series' retention; keys are never forgotten.
class FeatureEngine {
 public:
  static constexpr std::uint32_t kNoKey = 0xffffffff;  // a null key, or one never seen: no event belongs to it

  static Result<FeatureEngine> Create(const Definitions& definitions);
  explicit FeatureEngine(std::shared_ptr<const FeaturePlan> plan);

  const FeaturePlan& plan() const { return *plan_; }
  const std::shared_ptr<const FeaturePlan>& shared_plan() const { return plan_; }

  // Key numbers. `key` is made by AppendKeyPart, part by part in the entity's order.
  std::uint32_t Intern(std::size_t entity, std::string_view key);
  std::uint32_t Find(std::size_t entity, std::string_view key) const;  // kNoKey when never seen

  // kInvalidArgument when the value is out of the series' range; then nothing was changed.
  Status Check(const Event& event) const;
  // Adding the same event twice counts it twice: rows are kept apart by RowFeed. An event that no lookup that is still
  // allowed could see is dropped.
  Status Add(const Event& event);
  // Takes back one event that was added. One that is already forgotten changes nothing; kNotFound when it never was.
  Status Retract(const Event& event);

  // Promises that no lookup will ask before `oldest`, and lets values go that only such a lookup would need. Never goes
  // back.
  bool Retain(Instant oldest);
  Instant oldest() const { return oldest_; }
  // Whether a value of the series, known at `known`, is beyond what any allowed lookup sees.
  bool Forgotten(std::size_t series, std::int64_t known) const;

  // Writes one number a feature, in the plan's order: not-a-number for null. `keys` has one number an entity of the
  // plan. kFailedPrecondition when `t` is before oldest().
  Status Lookup(std::span<const std::uint32_t> keys, Instant t, std::span<double> out) const;

  std::size_t events() const { return events_; }  // held now

 private:
  std::shared_ptr<const FeaturePlan> plan_;
  std::vector<BytesMap<std::uint32_t>> keys_;          // by entity
  std::vector<std::vector<WindowValues>> values_;      // by series, then by key
  std::vector<std::vector<std::size_t>> features_of_;  // by series
  Instant oldest_ = Instant::min();
  Instant swept_ = Instant::min();  // when all keys were last gone through
  std::int64_t sweep_every_ = 0;    // microseconds
  std::size_t events_ = 0;
};

}  // namespace keelson::features
