#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace keelson::wire::mlflow {

// Times as protobuf's JSON mapping has them, in milliseconds: "2026-01-01T00:00:00.250Z" and "1.500s". What is finer is
// rounded down. Nothing for a text that is none.
std::optional<std::int64_t> ReadTimestamp(std::string_view text);
std::optional<std::int64_t> ReadSpanOfTime(std::string_view text);
std::string WriteTimestamp(std::int64_t ms);
std::string WriteSpanOfTime(std::int64_t ms);

}  // namespace keelson::wire::mlflow
