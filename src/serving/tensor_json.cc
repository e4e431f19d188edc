#include "serving/tensor_json.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

#include "base/strings.h"

namespace keelson::serving {
namespace {

void AppendFloat(double value, JsonConstants constants, std::string* out) {
  if (std::isfinite(value)) {
    fmt::format_to(std::back_inserter(*out), "{}", value);
  } else if (constants == JsonConstants::kNull) {
    out->append("null");
  } else {
    out->append(std::isnan(value) ? "NaN" : value < 0 ? "-Infinity" : "Infinity");
  }
}

void AppendElement(const Tensor& tensor, std::size_t i, JsonConstants constants, std::string* out) {
  switch (tensor.datatype) {
    case Datatype::kFp16:
    case Datatype::kBf16:
    case Datatype::kFp32:
      return AppendFloat(static_cast<double>(tensor.floats[i]), constants, out);
    case Datatype::kFp64:
      return AppendFloat(tensor.doubles[i], constants, out);
    case Datatype::kBytes:
      if (!tensor.missing.empty() && tensor.missing[i] != 0) {
        out->append("null");
      } else {
        AppendJsonString(tensor.texts[i], *out);
      }
      return;
    case Datatype::kBool:
      out->append(tensor.ints[i] != 0 ? "true" : "false");
      return;
    case Datatype::kUint64:
      fmt::format_to(std::back_inserter(*out), "{}", static_cast<std::uint64_t>(tensor.ints[i]));
      return;
    default:
      fmt::format_to(std::back_inserter(*out), "{}", tensor.ints[i]);
  }
}

}  // namespace

void AppendTensorJson(const Tensor& tensor, std::size_t begin, std::span<const std::int64_t> shape,
                      JsonConstants constants, std::string* out) {
  if (shape.empty()) return AppendElement(tensor, begin, constants, out);
  std::size_t part = 1;
  for (const std::int64_t length : shape.subspan(1)) part *= static_cast<std::size_t>(length);
  const bool labelled = shape.size() == 1 && !tensor.labels.empty();
  out->push_back(labelled ? '{' : '[');
  for (std::size_t i = 0; i < static_cast<std::size_t>(shape[0]); ++i) {
    if (i != 0) out->append(", ");
    if (labelled) {
      AppendJsonString(tensor.labels[i], *out);
      out->append(": ");
    }
    AppendTensorJson(tensor, begin + i * part, shape.subspan(1), constants, out);
  }
  out->push_back(labelled ? '}' : ']');
}

}  // namespace keelson::serving
