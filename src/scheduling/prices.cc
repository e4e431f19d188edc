#include "scheduling/prices.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace keelson::scheduling {
namespace {

constexpr double kGibsOfACore = 7.5;
constexpr double kGib = 1 << 30;
constexpr double kMillion = 1e6;

MachinePrice Split(std::int64_t hour, const Resources& machine, std::string how) {
  const double cores = static_cast<double>(machine.cpu_milli) / 1'000;
  const double gibs = static_cast<double>(machine.memory_bytes) / kGib;
  const double parts = cores * kGibsOfACore + gibs;
  MachinePrice price;
  price.hour = hour;
  price.how = std::move(how);
  if (parts > 0) price.gib_hour = static_cast<double>(hour) / parts;
  price.core_hour = price.gib_hour * kGibsOfACore;
  return price;
}

bool HasRoom(const InstancePrice& instance, const Resources& needs, int gpus, std::string_view gpu) {
  return needs.FitsIn(instance.resources) && instance.gpus >= gpus && (gpus == 0 || gpu.empty() || instance.gpu == gpu);
}

// Of the instances without GPUs the largest, and how many of it the machine would take.
MachinePrice AsSeveral(const PriceTable& table, const Resources& machine) {
  const InstancePrice* largest = nullptr;
  for (const InstancePrice& each : table.instances) {
    if (each.gpus == 0 && (largest == nullptr || each.resources.cpu_milli > largest->resources.cpu_milli))
      largest = &each;
  }
  if (largest == nullptr) return Split(0, machine, "without a price: the table has no machine for it");
  const double times =
      std::max(static_cast<double>(machine.cpu_milli) / static_cast<double>(largest->resources.cpu_milli),
               static_cast<double>(machine.memory_bytes) / static_cast<double>(largest->resources.memory_bytes));
  return Split(std::llround(static_cast<double>(largest->on_demand) * times), machine,
               fmt::format("as {:.2f} times {}, on demand", times, largest->Name()));
}

}  // namespace

std::string InstancePrice::Name() const {
  return fmt::format("{} {} in {}", cloud, type, region);
}

const InstancePrice* PriceTable::Find(std::string_view cloud, std::string_view region, std::string_view type) const {
  for (const InstancePrice& each : instances) {
    if (each.cloud == cloud && each.region == region && each.type == type) return &each;
  }
  return nullptr;
}

PriceTable Overlay(PriceTable base, const PriceTable& own) {
  std::erase_if(base.instances,
                [&](const InstancePrice& each) { return own.Find(each.cloud, each.region, each.type) != nullptr; });
  base.instances.insert(base.instances.end(), own.instances.begin(), own.instances.end());
  return base;
}

const InstancePrice* Cheapest(const PriceTable& table, const Resources& needs, int gpus, std::string_view gpu,
                              bool spot) {
  const InstancePrice* best = nullptr;
  const auto price = [spot](const InstancePrice& each) { return spot ? *each.spot : each.on_demand; };
  for (const InstancePrice& each : table.instances) {
    if ((spot && !each.spot) || !HasRoom(each, needs, gpus, gpu)) continue;
    if (best == nullptr || price(each) < price(*best)) best = &each;
  }
  return best;
}

Result<MachinePrice> PriceOfMachine(const PriceTable& table, const std::optional<MachineIs>& is,
                                    const Resources& machine) {
  if (is && is->price) return Split(*is->price, machine, "as the prices file says");
  const InstancePrice* instance = nullptr;
  if (is) {
    instance = table.Find(is->cloud, is->region, is->type);
    if (instance == nullptr) {
      return Fail(ErrorCode::kNotFound,
                  fmt::format("there is no price of {} {} in {}", is->cloud, is->type, is->region), "machine");
    }
    if (is->spot && !instance->spot) {
      return Fail(ErrorCode::kNotFound, fmt::format("there is no spot price of {}", instance->Name()), "machine.spot");
    }
  } else {
    instance = Cheapest(table, machine, 0, "", false);
    if (instance == nullptr) return AsSeveral(table, machine);
  }
  const bool spot = is && is->spot;
  MachinePrice price = Split(spot ? *instance->spot : instance->on_demand, machine,
                             fmt::format("as {}, {}", instance->Name(), spot ? "spot" : "on demand"));
  price.instance = *instance;
  price.spot = spot;
  return price;
}

std::string FormatMoney(std::int64_t millionths, std::string_view currency) {
  const double whole = static_cast<double>(millionths) / kMillion;
  return std::abs(whole) < 1 && millionths != 0 ? fmt::format("{:.4f} {}", whole, currency)
                                                : fmt::format("{:.2f} {}", whole, currency);
}

}  // namespace keelson::scheduling
