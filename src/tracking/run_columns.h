#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

namespace keelson::tracking {

// Columns over runs in memory: the row of a run is its number in the tables. Rows lie in pieces of kPieceRows, and a
// column has no memory for a piece in which it has no value. Not thread-safe.
inline constexpr std::size_t kPieceRows = 1024;
using RowMask = std::array<std::uint8_t, kPieceRows>;  // 1: the row passes

// The latest value of one metric. A piece is of floats for as long as every value in it is one exactly, else of
// doubles.
class MetricColumn {
 public:
  struct Value {
    enum Kind : std::int64_t { kNumber, kNan, kMissing };  // as they are ordered
    Kind kind = kMissing;
    double number = 0;  // 0 but for a number
  };

  void Set(std::size_t row, const Value& value);
  Value At(std::size_t row) const;
  std::size_t bytes() const { return bytes_; }

  enum class Operator { kEqual, kNotEqual, kLess, kLessOrEqual, kGreater, kGreaterOrEqual };
  // Clears the rows of the piece that do not hold it. A missing value holds nothing, a NaN only kNotEqual.
  void Keep(std::size_t piece, Operator op, double than, RowMask& mask) const;

 private:
  using Floats = std::array<float, kPieceRows>;
  using Doubles = std::array<double, kPieceRows>;
  using Piece = std::variant<std::monostate, std::unique_ptr<Floats>, std::unique_ptr<Doubles>>;

  std::vector<Piece> pieces_;
  std::size_t bytes_ = 0;
};

// One param or tag: a code for each row, and what the codes stand for. A key that nearly every run has another value of
// is no use and much memory: the column then gives up, for good.
class TextColumn {
 public:
  using Code = std::uint16_t;  // 0: the run has none

  void Set(std::size_t row, const std::optional<std::string_view>& value);
  Code CodeAt(std::size_t row) const;
  const std::string& Text(Code code) const { return texts_[code]; }  // of code 0: ""
  std::size_t codes() const { return texts_.size(); }                // with 0
  bool gave_up() const { return gave_up_; }
  std::size_t bytes() const { return bytes_; }

  // Clears the rows of the piece whose code does not pass; `passes` has an entry for every code.
  void Keep(std::size_t piece, const std::vector<std::uint8_t>& passes, RowMask& mask) const;

 private:
  using Bytes = std::array<std::uint8_t, kPieceRows>;
  using Words = std::array<std::uint16_t, kPieceRows>;
  using Piece = std::variant<std::monostate, std::unique_ptr<Bytes>, std::unique_ptr<Words>>;

  void GiveUp();

  std::deque<std::string> texts_{""};
  std::unordered_map<std::string_view, Code> codes_;  // of texts_
  std::vector<Piece> pieces_;
  std::size_t set_ = 0;  // how often a value was given
  std::size_t bytes_ = 0;
  bool gave_up_ = false;
};

// SQLite's LIKE and GLOB as searches use them: '%' any text, '_' one character of UTF-8; `fold`: ASCII letters without
// their case.
bool IsLike(std::string_view text, std::string_view pattern, bool fold);

}  // namespace keelson::tracking
