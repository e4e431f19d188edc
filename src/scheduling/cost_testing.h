#pragma once

#include "scheduling/cost.h"

namespace keelson::scheduling {

inline constexpr std::int64_t kTestGib = std::int64_t{1} << 30;
inline const Instant kTestBegin = InstantFromMicros(1'796'083'200'000'000);  // 2026-12-01T00:00:00Z

// A core costs 1.00 an hour and a GiB 0.10.
inline MachinePrice TestMachine() {
  MachinePrice price;
  price.hour = 10'000'000;
  price.core_hour = 1'000'000;
  price.gib_hour = 100'000;
  price.how = "as in the test";
  return price;
}

// Of a job that holds so many cores and as many GiB for an hour, `begin` after the test's.
inline Allocation TestAllocation(const std::string& workload, Duration begin, std::int64_t cores = 1) {
  Allocation allocation;
  allocation.workload = workload + "-a1";
  allocation.project = "flights";
  allocation.user = "ada";
  allocation.queue = "default";
  allocation.job = workload;
  allocation.step = "train";
  allocation.held = {cores * 1'000, cores * kTestGib};
  allocation.from = kTestBegin + begin;
  allocation.until = allocation.from + std::chrono::hours(1);
  return allocation;
}

}  // namespace keelson::scheduling
