#include "scheduling/advice.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "scheduling/amounts.h"

namespace keelson::scheduling {
namespace {

constexpr double kMicrosAnHour = 3'600e6;
constexpr double kGib = 1 << 30;
constexpr std::int64_t kCpuStep = 100;                        // thousandths of a core
constexpr std::int64_t kMemoryStep = std::int64_t{64} << 20;  // bytes
constexpr double kMemoryRoom = 1.25;                          // over the most that was used
constexpr double kJobCpuRoom = 1.25;                          // over the mean of a run
constexpr double kReplicaCpuRoom = 2;                         // over the mean of a life: requests come in bursts
constexpr double kWorthIt = 0.8;                              // less than such a part of what there is
constexpr double kMemoryShort = 0.9;                          // of what it may use
constexpr double kAssumedInterruptions = 0.05;                // in an hour, where the prices do not say
constexpr double kMostRedone = 0.2;                           // of the work, by interruptions
constexpr std::size_t kMeasuredJobs = 3;
constexpr double kMeasuredHours = 1;
constexpr Duration kShortest = std::chrono::seconds(1);  // that says something about CPU

// The jobs of a step, or the replicas of an endpoint.
struct Group {
  std::string about;
  bool serves = false;
  int runs = 0;
  double hours = 0;  // in the time that is looked at
  double cost = 0;
  Resources held;  // by the last of them
  std::size_t measured = 0;
  double cores = 0;           // the most that one used on average
  std::int64_t peak = 0;      // bytes that one used at once
  bool interruptible = true;  // neither inference nor the system's
};

double Hours(Duration duration) {
  return static_cast<double>(duration.count()) / kMicrosAnHour;
}

std::int64_t RoundUp(double amount, std::int64_t step) {
  return static_cast<std::int64_t>(std::ceil(amount / static_cast<double>(step))) * step;
}

std::string Format(const Resources& resources) {
  return FormatAmounts({{resources.cpu_milli, resources.memory_bytes, 0, 0}});
}

std::map<std::string, Group> GroupsOf(const AdviceInput& input) {
  std::map<std::string, Group> groups;
  for (const Allocation& each : input.allocations) {
    const Duration within = each.Within(input.from, input.to);
    if (within <= Duration{}) continue;
    const bool serves = !each.endpoint.empty();
    const std::string about =
        serves ? "endpoint " + each.endpoint : fmt::format("step {} of {}", each.step, each.project);
    Group& group = groups[about];
    group.about = about;
    group.serves = serves;
    group.held = each.held;
    group.hours += Hours(within);
    group.cost += CostOf(each, *input.price, input.from, input.to);
    group.interruptible &= each.workload_class > WorkloadClass::kInference;
    ++group.runs;
    const Duration lived = each.until.value_or(input.to) - each.from;
    if (!each.used || lived < kShortest || (!serves && !each.until)) continue;
    ++group.measured;
    group.cores =
        std::max(group.cores, static_cast<double>(each.used->cpu.count()) / static_cast<double>(lived.count()));
    group.peak = std::max(group.peak, each.used->peak_memory_bytes);
  }
  return groups;
}

bool WellMeasured(const Group& group) {
  return group.serves ? group.measured > 0 && group.hours >= kMeasuredHours : group.measured >= kMeasuredJobs;
}

// What would do, with room; what is held where that is not well known.
Resources NeedsOf(const Group& group) {
  if (!WellMeasured(group)) return group.held;
  const double room = group.serves ? kReplicaCpuRoom : kJobCpuRoom;
  return {.cpu_milli = std::max(kCpuStep, RoundUp(group.cores * room * 1'000, kCpuStep)),
          .memory_bytes = std::max(kMemoryStep, RoundUp(static_cast<double>(group.peak) * kMemoryRoom, kMemoryStep))};
}

std::string Measured(const Group& group) {
  return fmt::format("{} {} in {:.2f} h: at most {:.2f} cores on average, and {} at once", group.measured,
                     group.serves ? "replicas" : "runs", group.hours, group.cores,
                     FormatAmount(Resource::kMemory, group.peak));
}

std::optional<Advice> Size(const AdviceInput& input, const Group& group) {
  if (!WellMeasured(group)) return std::nullopt;
  const auto less = [](std::int64_t needs, std::int64_t held) {
    return static_cast<double>(needs) < kWorthIt * static_cast<double>(held) ? needs : held;
  };
  const Resources needs = NeedsOf(group);
  const Resources wanted = {.cpu_milli = less(needs.cpu_milli, group.held.cpu_milli),
                            .memory_bytes = less(needs.memory_bytes, group.held.memory_bytes)};
  if (wanted == group.held) return std::nullopt;
  const double cores = static_cast<double>(group.held.cpu_milli - wanted.cpu_milli) / 1'000;
  const double gibs = static_cast<double>(group.held.memory_bytes - wanted.memory_bytes) / kGib;
  return Advice{.kind = group.serves ? Advice::Kind::kEndpointSize : Advice::Kind::kJobSize,
                .about = group.about,
                .what = fmt::format("ask for {} instead of {}", Format(wanted), Format(group.held)),
                .saves = std::llround(group.hours * (cores * input.price->core_hour + gibs * input.price->gib_hour)),
                .evidence = Measured(group)};
}

std::optional<Advice> Memory(const Group& group) {
  const auto held = static_cast<double>(group.held.memory_bytes);
  if (group.measured == 0 || held <= 0 || static_cast<double>(group.peak) < kMemoryShort * held) return std::nullopt;
  return Advice{.kind = Advice::Kind::kMemoryShort,
                .about = group.about,
                .what = fmt::format("ask for {} of memory instead of {}: it may be killed for the lack of it",
                                    FormatAmount(Resource::kMemory,
                                                 RoundUp(static_cast<double>(group.peak) * kMemoryRoom, kMemoryStep)),
                                    FormatAmount(Resource::kMemory, group.held.memory_bytes)),
                .saves = 0,
                .evidence = Measured(group)};
}

std::optional<Advice> Spot(const AdviceInput& input, const Group& group) {
  const auto& instance = input.price->instance;
  if (group.serves || !group.interruptible || !instance || !instance->spot || input.price->spot) return std::nullopt;
  if (instance->on_demand <= 0) return std::nullopt;
  const double rate = instance->interruptions.value_or(kAssumedInterruptions);
  const double run = group.hours / group.runs;
  const double redone = rate * run / 2;  // an interruption loses half a run on average
  const double part = static_cast<double>(*instance->spot) / static_cast<double>(instance->on_demand) * (1 + redone);
  if (redone > kMostRedone || part >= 1) return std::nullopt;
  const std::string& currency = input.table->currency;
  return Advice{
      .kind = Advice::Kind::kSpot,
      .about = group.about,
      .what =
          fmt::format("run it on spot machines: {} an hour against {} for {}", FormatMoney(*instance->spot, currency),
                      FormatMoney(instance->on_demand, currency), instance->Name()),
      .saves = std::llround(group.cost * (1 - part)),
      .evidence = fmt::format(
          "{} runs of {:.2f} h on average; {:.3g} interruptions an hour, {}, would have {:.1f} % of "
          "the work done again",
          group.runs, run, rate, instance->interruptions ? "as the prices say" : "which is assumed", 100 * redone)};
}

std::optional<Advice> Cloud(const AdviceInput& input, const Group& group) {
  if (group.hours < kMeasuredHours) return std::nullopt;  // nobody rents a machine for seconds
  const Resources needs = NeedsOf(group);
  const InstancePrice* cheapest = Cheapest(*input.table, needs, 0, "", false);
  bool spot = false;
  if (const auto* other = Cheapest(*input.table, needs, 0, "", true);
      other != nullptr && group.interruptible && !group.serves &&
      (cheapest == nullptr || *other->spot < cheapest->on_demand)) {
    cheapest = other;
    spot = true;
  }
  if (cheapest == nullptr) return std::nullopt;
  const std::int64_t hour = spot ? *cheapest->spot : cheapest->on_demand;
  const double there = static_cast<double>(hour) * group.hours;
  if (there >= kWorthIt * group.cost) return std::nullopt;
  return Advice{.kind = Advice::Kind::kCloud,
                .about = group.about,
                .what = fmt::format("rent {} for it, {}, at {} an hour", cheapest->Name(), spot ? "spot" : "on demand",
                                    FormatMoney(hour, input.table->currency)),
                .saves = std::llround(group.cost - there),
                .evidence = fmt::format("{} will do; {:.2f} h cost {} here and {} there", Format(needs), group.hours,
                                        FormatMoney(std::llround(group.cost), input.table->currency),
                                        FormatMoney(std::llround(there), input.table->currency))};
}

// The most that was held at once, of each resource for itself.
Resources MostAtOnce(const AdviceInput& input) {
  std::map<Instant, Resources> changes;
  for (const Allocation& each : input.allocations) {
    if (each.Within(input.from, input.to) <= Duration{}) continue;
    changes[std::max(each.from, input.from)] += each.held;
    changes[std::min(each.until.value_or(input.to), input.to)] -= each.held;
  }
  Resources now;
  Resources most;
  for (const auto& [at, change] : changes) {
    now += change;
    most.cpu_milli = std::max(most.cpu_milli, now.cpu_milli);
    most.memory_bytes = std::max(most.memory_bytes, now.memory_bytes);
  }
  return most;
}

std::optional<Advice> Machine(const AdviceInput& input) {
  if (input.allocations.empty()) return std::nullopt;
  const double hours = Hours(input.to - std::max(input.from, input.allocations.front().from));
  if (hours < kMeasuredHours || input.price->hour <= 0) return std::nullopt;
  const auto& instance = input.price->instance;
  const bool gpus = instance && instance->gpus > 0;
  const Resources most = MostAtOnce(input);
  const InstancePrice* other = Cheapest(*input.table, gpus ? input.machine : most, 0, "", input.price->spot);
  if (other == nullptr) return std::nullopt;
  const std::int64_t hour = input.price->spot ? *other->spot : other->on_demand;
  if (static_cast<double>(hour) >= kWorthIt * static_cast<double>(input.price->hour)) return std::nullopt;
  const std::string& currency = input.table->currency;
  return Advice{
      .kind = gpus ? Advice::Kind::kIdleGpus : Advice::Kind::kMachineSize,
      .about = "this machine",
      .what = fmt::format("take {} at {} an hour instead of {}{}", other->Name(), FormatMoney(hour, currency),
                          FormatMoney(input.price->hour, currency),
                          gpus ? fmt::format(": nothing asks for its {} {}", instance->gpus, instance->gpu) : ""),
      .saves = std::llround(hours * static_cast<double>(input.price->hour - hour)),
      .evidence =
          fmt::format("of {}, at most {} was held at once in {:.2f} h", Format(input.machine), Format(most), hours)};
}

}  // namespace

std::string_view AdviceKindName(Advice::Kind kind) {
  switch (kind) {
    case Advice::Kind::kJobSize:
      return "job size";
    case Advice::Kind::kEndpointSize:
      return "endpoint size";
    case Advice::Kind::kMemoryShort:
      return "memory short";
    case Advice::Kind::kSpot:
      return "spot";
    case Advice::Kind::kCloud:
      return "cloud";
    case Advice::Kind::kMachineSize:
      return "machine size";
    case Advice::Kind::kIdleGpus:
      return "idle GPUs";
  }
  return "";
}

std::vector<Advice> Advise(const AdviceInput& input) {
  std::vector<Advice> all;
  const auto add = [&all](std::optional<Advice> advice) {
    if (advice) all.push_back(*std::move(advice));
  };
  add(Machine(input));
  for (const auto& [about, group] : GroupsOf(input)) {
    add(Memory(group));
    add(Size(input, group));
    add(Spot(input, group));
    add(Cloud(input, group));
  }
  std::ranges::stable_sort(all, std::greater<>(), &Advice::saves);
  return all;
}

}  // namespace keelson::scheduling
