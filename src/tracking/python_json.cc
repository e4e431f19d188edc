#include "tracking/python_json.h"

#include <fmt/format.h>

#include <cmath>

#include "base/json_depth.h"

namespace keelson::tracking {
namespace {

void Append(const OrderedJson& value, bool ascii, std::string& out) {
  if (value.is_object()) {
    out += '{';
    bool first = true;
    for (const auto& [key, each] : value.items()) {
      if (!first) out += ", ";
      first = false;
      Append(OrderedJson(key), ascii, out);
      out += ": ";
      Append(each, ascii, out);
    }
    out += '}';
  } else if (value.is_array()) {
    out += '[';
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (i > 0) out += ", ";
      Append(value[i], ascii, out);
    }
    out += ']';
  } else if (value.is_number_float()) {
    const double number = value.get<double>();
    out += std::isnan(number)   ? "NaN"
           : std::isinf(number) ? (number > 0 ? "Infinity" : "-Infinity")
                                : PythonFloat(number);
  } else {
    out += value.dump(-1, ' ', ascii, OrderedJson::error_handler_t::replace);
  }
}

}  // namespace

OrderedJson ParseOrdered(std::string_view text) {
  if (JsonDepth(text) > kDeepestJson || JsonWidth(text) > kWidestJson) {
    return OrderedJson(OrderedJson::value_t::discarded);
  }
  return OrderedJson::parse(text, nullptr, /*allow_exceptions=*/false);
}

std::string PythonFloat(double value) {
  std::string text = fmt::format("{}", value);
  if (std::isfinite(value) && text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string PythonJson(const OrderedJson& value, bool ascii) {
  std::string out;
  Append(value, ascii, out);
  return out;
}

}  // namespace keelson::tracking
