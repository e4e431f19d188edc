#pragma once

#include <cstdint>
#include <string>

namespace keelson {

// A small seeded generator (SplitMix64): equal seeds give equal sequences on every machine, which the standard
// library's distributions do not promise. For decisions, simulation and sampling; never for secrets.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t Next();
  double Uniform();                          // in [0, 1)
  double Normal();                           // mean 0, variance 1
  std::uint64_t Below(std::uint64_t bound);  // in [0, bound), without bias; bound > 0

 private:
  std::uint64_t state_;
};

// 16 unguessable bytes from the operating system, as 32 lower-case hexadecimal digits: run ids, tokens, request ids.
std::string RandomId();

}  // namespace keelson
