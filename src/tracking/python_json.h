#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace keelson::tracking {

// JSON whose objects keep the order in which their keys came, as Python's do.
using OrderedJson = nlohmann::ordered_json;

inline constexpr std::size_t kDeepestJson = 100;
inline constexpr std::size_t kWidestJson = 4096;  // members of one object

// Reads a text of a client's. Discarded when it is no JSON, or deeper or wider than that.
OrderedJson ParseOrdered(std::string_view text);

// Text as Python's json.dumps writes it by default: ", " and ": " between, 1.0 for a float, NaN and Infinity by name.
// `ascii`: what is beyond ASCII is escaped. Filters of clients match such texts, so they are kept to the byte.
std::string PythonJson(const OrderedJson& value, bool ascii = false);

// As Python writes a float: 0.5, 1.0, 1e-07, nan.
std::string PythonFloat(double value);

}  // namespace keelson::tracking
