#include "wire/mlflow_database/row_sum.h"

#include <fmt/format.h>

#include <bit>
#include <charconv>
#include <type_traits>
#include <variant>

#include "base/hash.h"

namespace keelson::wire::mlflow_database {
namespace {

// No two values are written alike, and no end of one is the beginning of the next.
void Append(const io::SqlValue& value, std::string& out) {
  std::visit(
      [&](const auto& each) {
        using Type = std::decay_t<decltype(each)>;
        if constexpr (std::is_same_v<Type, std::monostate>) {
          out += "n;";
        } else if constexpr (std::is_same_v<Type, std::int64_t>) {
          out += fmt::format("i{};", each);
        } else if constexpr (std::is_same_v<Type, double>) {
          out += fmt::format("d{:x};", std::bit_cast<std::uint64_t>(each + 0.0));  // of two zeros one
        } else if constexpr (std::is_same_v<Type, std::string>) {
          out += fmt::format("t{}:{};", each.size(), each);
        } else {
          out += fmt::format("b{}:{};", each.bytes.size(), each.bytes);
        }
      },
      value);
}

}  // namespace

void RowSum::Add(const io::SqlRow& row) {
  std::string text;
  for (const io::SqlValue& value : row) Append(value, text);
  const std::string hash = Sha256::Hex(text);
  for (std::size_t i = 0; i < sum_.size(); ++i) {
    std::uint64_t part = 0;
    std::from_chars(hash.data() + 16 * i, hash.data() + 16 * (i + 1), part, 16);
    sum_[i] += part;
  }
  ++rows_;
}

std::string RowSum::Hex() const {
  return fmt::format("{:016x}{:016x}{:016x}{:016x}", sum_[0], sum_[1], sum_[2], sum_[3]);
}

}  // namespace keelson::wire::mlflow_database
