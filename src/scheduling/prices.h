#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "scheduling/admission.h"

namespace keelson::scheduling {

// Money is counted in millionths of the table's currency.

// A machine that a cloud rents out, and for how much an hour.
struct InstancePrice {
  std::string cloud;   // "aws"
  std::string region;  // "us-east-1"
  std::string type;    // "g5.2xlarge"
  Resources resources;
  int gpus = 0;
  std::string gpu;                      // their model; "" without
  std::int64_t on_demand = 0;           // an hour
  std::optional<std::int64_t> spot;     // an hour; nothing: it is not sold so
  std::optional<double> interruptions;  // of a spot machine in an hour, as expected; nothing: nobody says

  // "aws g5.2xlarge in us-east-1".
  std::string Name() const;
};

struct PriceTable {
  std::string currency = "USD";
  std::string date;    // when the prices were looked up
  std::string source;  // where
  std::vector<InstancePrice> instances;

  // Null when there is none of that name.
  const InstancePrice* Find(std::string_view cloud, std::string_view region, std::string_view type) const;
};

// The instances of `own` take the place of those of the same cloud, region and type; others are added.
PriceTable Overlay(PriceTable base, const PriceTable& own);

// The cheapest with room for so much and so many GPUs (of the model; "": of any), on demand or spot; the first of
// equals. Null when nothing is large enough.
const InstancePrice* Cheapest(const PriceTable& table, const Resources& needs, int gpus, std::string_view gpu,
                              bool spot);

// What the machine that jobs and replicas run on is rented or written off as.
struct MachineIs {
  std::optional<std::int64_t> price;  // an hour; or else it is an instance of the table:
  std::string cloud;
  std::string region;
  std::string type;
  bool spot = false;
};

// What the machine costs, and what a core and a GiB of it bear of that.
struct MachinePrice {
  std::int64_t hour = 0;
  double core_hour = 0;  // in millionths, as is the next
  double gib_hour = 0;
  std::string how;                             // for people: "as aws g5.2xlarge in us-east-1, on demand"
  std::optional<InstancePrice> instance = {};  // that it is, or is taken for
  bool spot = false;
};

// The machine's price, over all that it has: a core bears as much as 7.5 GiB, which is the ratio of Google's price list
// for N1, where each is sold apart (0.031611 and 0.004237 an hour). Without `is` the machine is taken for the cheapest
// of the table that is large enough, on demand; where none is, for as many of the largest as it would take.
// kNotFound for an instance that the table does not have.
Result<MachinePrice> PriceOfMachine(const PriceTable& table, const std::optional<MachineIs>& is,
                                    const Resources& machine);

// "1.25 USD"; four decimals below a cent's hundred.
std::string FormatMoney(std::int64_t millionths, std::string_view currency);

}  // namespace keelson::scheduling
