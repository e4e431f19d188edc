#pragma once

#include <algorithm>
#include <chrono>

namespace keelson::kubernetes {

// How soon the next request may be sent: `rate` a second on the whole, `burst` at once. Each Take is one request; it
// says how long to wait before sending it. Requests that wait keep their order. No clock of its own; one thread.
class TokenBucket {
 public:
  using Time = std::chrono::steady_clock::time_point;
  TokenBucket(double rate, double burst) : rate_(rate), burst_(burst), tokens_(burst) {}

  std::chrono::steady_clock::duration Take(Time now) {
    if (now > last_) {
      tokens_ = std::min(burst_, tokens_ + rate_ * std::chrono::duration<double>(now - last_).count());
      last_ = now;
    }
    tokens_ -= 1;
    if (tokens_ >= 0) return {};
    return std::chrono::duration_cast<std::chrono::steady_clock::duration>(
        std::chrono::duration<double>(-tokens_ / rate_));
  }

 private:
  const double rate_;
  const double burst_;
  double tokens_;  // below 0: so many requests wait already
  Time last_{};
};

}  // namespace keelson::kubernetes
