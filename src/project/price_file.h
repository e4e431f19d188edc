#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "scheduling/cost.h"
#include "scheduling/prices.h"

namespace keelson::project {

// What things cost here, and what may be spent: the built-in table of prices with the user's own over it.
struct Pricing {
  scheduling::PriceTable table;
  std::optional<scheduling::MachineIs> machine;  // nothing: it is guessed from its size
  std::vector<scheduling::Budget> budgets;       // at most one a project
};

// A file of prices (docs/cost.md has its form):
//
//   apiVersion: keelson.dev/v1
//   kind: Prices
//   currency: USD
//   date: 2026-11-30
//   source: where they are from
//   machine: {price: 0.40}                       # or {cloud, region, type, spot}
//   instances:
//     - {cloud: aws, region: us-east-1, type: g5.2xlarge, cpu: 8, memory: 32Gi, gpus: 1, gpu: A10G,
//        on_demand: 1.212, spot: 0.52, interruptions: 0.05}
//   budgets:
//     - {project: flight-delays, limit: 50, per: month, warn_at: 0.8}
//
// Only its first two lines must be there. Money is a decimal number of the currency, an hour. Strict: every mistake at
// once, with its line; unknown fields are mistakes, and so are two instances of one name and two budgets of a project.
Result<Pricing> ReadPrices(std::string_view text, const std::string& file);

// The table that Keelson brings along: prices.yaml.
const scheduling::PriceTable& BuiltInPrices();

// The built-in table with the file's over it. Another currency than the table's leaves the table out: it does not
// convert. kNotFound, as PriceOfMachine, for a machine that is not there.
Result<Pricing> WithBuiltIn(Pricing own);

}  // namespace keelson::project
