#pragma once

#include <chrono>

#include "base/time.h"

namespace keelson {

// The machine's two clocks behind one interface, given at construction to whatever needs the time. Nothing calls the
// system's clock in the middle of a decision. Safe from any thread.
//
// A project's own clock (windows, TTLs, canary intervals, cool-downs, schedules) is not this: it is an Instant that
// control/ keeps for each project, wall time when live and the data's time in a replay.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant WallNow() const = 0;                                     // may jump; for records that people read
  virtual std::chrono::steady_clock::time_point MonotonicNow() const = 0;  // never jumps; for timeouts and leases
};

// The real clocks.
class SystemClock final : public Clock {
 public:
  Instant WallNow() const override;
  std::chrono::steady_clock::time_point MonotonicNow() const override;
};

// A clock that moves only when told to: for tests and for the simulation. Not thread-safe.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Instant start = Instant{}) : wall_(start) {}
  Instant WallNow() const override { return wall_; }
  std::chrono::steady_clock::time_point MonotonicNow() const override { return monotonic_; }
  void Advance(Duration by) {
    wall_ += by;
    monotonic_ += std::chrono::duration_cast<std::chrono::steady_clock::duration>(by);
  }

 private:
  Instant wall_;
  std::chrono::steady_clock::time_point monotonic_{};
};

}  // namespace keelson
