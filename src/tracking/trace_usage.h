#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/database.h"
#include "tracking/python_json.h"
#include "tracking/trace_records.h"

namespace keelson::tracking {

// What a JSON object says of tokens and of money: numbers that are none, and counts that are not whole, are left out.
TokenCounts ReadTokenCounts(std::string_view json);
Costs ReadCosts(std::string_view json);
// As MLflow writes it into a trace's metadata; nothing when all are unknown.
std::optional<std::string> WriteTokenCounts(const TokenCounts& counts);
std::optional<std::string> WriteCosts(const Costs& costs);

// What a span's attributes say of the model that it asked, and of what that cost.
ModelUsage ReadModelUsage(const OrderedJson& attributes);
std::vector<io::SqlValue> ToSql(const ModelUsage& usage);  // costs as kCostKeys has them, model, provider

// The sums over a tree of spans. Where a span says what it used, those below it are not counted: it has summed them up
// itself. Nothing where no span says anything.
std::optional<TokenCounts> SumTokens(const std::vector<SpanRecord>& spans);
std::optional<Costs> SumCosts(const std::vector<SpanRecord>& spans);

}  // namespace keelson::tracking
