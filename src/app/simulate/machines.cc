#include "app/simulate/machines.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/strings.h"
#include "project/quantity.h"
#include "simulation/outages.h"

namespace keelson::app {
namespace {

// Of one machine; so that those of all can be summed up.
constexpr std::int64_t kMostCpuMilli = 10'000'000;
constexpr std::int64_t kMostMemory = std::int64_t{1} << 44;
constexpr double kMillion = 1e6;

using Pool = simulation::Fleet::Pool;
using Problem = std::string;  // "" for none

constexpr const char* kExpected = "expected such as 4x16,64Gi or 2x96,680Gi,8xA100 or 4xaws:us-east-1:g5.2xlarge";

// "4xREST" as 4 and "REST".
std::optional<std::pair<std::int64_t, std::string_view>> Times(std::string_view text) {
  const std::size_t x = text.find('x');
  if (x == std::string_view::npos) return std::nullopt;
  const auto count = ParseInt(text.substr(0, x));
  if (!count || *count < 1) return std::nullopt;
  return std::pair(*count, text.substr(x + 1));
}

class Reader {
 public:
  Reader(simulation::Fleet& fleet, const scheduling::PriceTable& prices) : fleet_(fleet), prices_(prices) {}

  Problem Read(std::string_view text) {
    const auto parts = Split(text, ',');
    const auto nodes = Times(parts.front());
    if (!nodes) return kExpected;
    std::int64_t others = 0;
    for (const Pool& each : fleet_.pools) others += each.nodes;
    if (nodes->first > kMostMachines - others) return fmt::format("there are more than {} machines", kMostMachines);
    pool_ = Pool{};
    pool_.name = fmt::format("pool-{}", fleet_.pools.size() + 1);
    pool_.nodes = static_cast<int>(nodes->first);
    std::size_t read = 1;
    if (nodes->second.find(':') != std::string_view::npos) {
      if (Problem wrong = Instance(nodes->second); !wrong.empty()) return wrong;
    } else {
      if (parts.size() < 2) return kExpected;
      if (Problem wrong = Size(nodes->second, parts[1]); !wrong.empty()) return wrong;
      read = 2;
    }
    for (; read < parts.size(); ++read) {
      if (Problem wrong = Term(parts[read]); !wrong.empty()) return wrong;
    }
    if (std::ranges::find(fleet_.pools, pool_.name, &Pool::name) != fleet_.pools.end())
      return fmt::format("there are two pools named '{}'", pool_.name);
    if (Problem wrong = WrongPrices(pool_); !wrong.empty()) return wrong;
    fleet_.pools.push_back(pool_);
    return "";
  }

 private:
  Problem Size(std::string_view cores, std::string_view bytes) {
    const auto cpu = project::ParseQuantity(cores, project::Unit::kThousandths);
    const auto memory = project::ParseQuantity(bytes, project::Unit::kWhole);
    if (!cpu || !memory) return "expected cores and memory such as 16 and 64Gi";
    if (*cpu < 1 || *memory < 1) return "a machine without cores or memory";
    if (*cpu > kMostCpuMilli || *memory > kMostMemory) return "more than 10,000 cores or 16Ti of memory in one machine";
    pool_.node.capacity = {*cpu, *memory};
    return "";
  }

  Problem Gpus(std::int64_t count, std::string_view model) {
    if (count > scheduling::kMostGpus) return fmt::format("more than {} GPUs in one machine", scheduling::kMostGpus);
    const auto number = fleet_.models.Add(model);
    if (!number) return fmt::format("there are more than {} models of GPUs", scheduling::GpuModels::kMost);
    pool_.node.gpus = static_cast<int>(count);
    pool_.node.model = *number;
    return "";
  }

  Problem Instance(std::string_view name) {
    const auto parts = Split(name, ':');
    const scheduling::InstancePrice* found = parts.size() == 3 ? prices_.Find(parts[0], parts[1], parts[2]) : nullptr;
    if (found == nullptr) return fmt::format("the prices have no '{}' (CLOUD:REGION:TYPE)", name);
    if (found->resources.cpu_milli > kMostCpuMilli || found->resources.memory_bytes > kMostMemory)
      return "more than 10,000 cores or 16Ti of memory in one machine";
    pool_.node.capacity = found->resources;
    pool_.price = found->on_demand;
    pool_.spot_price = found->spot;
    if (found->interruptions) pool_.interruptions = *found->interruptions;
    return found->gpus > 0 ? Gpus(found->gpus, found->gpu) : "";
  }

  Problem Term(std::string_view text) {
    if (text == "spot") return Value("spot", "1");
    const std::size_t equal = text.find('=');
    if (equal != std::string_view::npos) return Value(text.substr(0, equal), text.substr(equal + 1));
    const auto gpus = Times(text);
    if (!gpus || gpus->second.empty() || pool_.node.gpus > 0)
      return fmt::format("'{}' is neither GPUs such as 8xA100 nor such as name=research", text);
    return Gpus(gpus->first, gpus->second);
  }

  Problem Value(std::string_view key, std::string_view value) {
    const auto number = ParseDouble(value);
    if (key == "name" && !value.empty()) {
      pool_.name = value;
    } else if (key == "zone") {
      pool_.zone = value;
    } else if (key.starts_with("label:") && key.size() > 6) {
      pool_.labels[std::string(key.substr(6))] = value;
    } else if (key == "spot" && ParsePart(value)) {
      pool_.spot_share = *ParsePart(value);
    } else if (key == "price" && ParsePrice(value)) {
      pool_.price = *ParsePrice(value);
    } else if (key == "spot-price" && ParsePrice(value)) {
      pool_.spot_price = *ParsePrice(value);
    } else if (key == "interruptions" && number && *number >= 0 && *number <= simulation::Failures::kMostRate) {
      pool_.interruptions = *number;
    } else {
      return fmt::format(
          "'{}={}' is none of name, zone, label:KEY, spot (from 0 to 1), price, spot-price, interruptions "
          "(from 0 to {} an hour)",
          key, value, simulation::Failures::kMostRate);
    }
    return "";
  }

  simulation::Fleet& fleet_;
  const scheduling::PriceTable& prices_;
  Pool pool_;
};

}  // namespace

std::string WrongPrices(const Pool& pool) {
  if (pool.spot_share > 0 && pool.price > 0 && !pool.spot_price)
    return fmt::format("'{}' has no spot price, and some of its machines are spot", pool.name);
  return "";
}

std::optional<double> ParsePart(std::string_view text) {
  const auto part = ParseDouble(text);
  return part && *part >= 0 && *part <= 1 ? part : std::nullopt;
}

std::optional<std::int64_t> ParsePrice(std::string_view text) {
  const auto price = ParseDouble(text);
  if (!price || !(*price >= 0) || *price > kMillion) return std::nullopt;
  return std::llround(*price * kMillion);
}

Result<simulation::Fleet> ParseMachines(const std::vector<std::string>& texts, const scheduling::PriceTable& prices) {
  simulation::Fleet fleet;
  fleet.currency = prices.currency;
  for (const std::string& text : texts) {
    if (const Problem wrong = Reader(fleet, prices).Read(text); !wrong.empty())
      return Fail(ErrorCode::kInvalidArgument, fmt::format("'{}': {}", text, wrong));
  }
  return fleet;
}

}  // namespace keelson::app
