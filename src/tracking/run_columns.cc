#include "tracking/run_columns.h"

#include <bit>
#include <cmath>
#include <limits>

namespace keelson::tracking {
namespace {

// Two NaNs of different bits: that a value is missing, and that it is one.
constexpr std::uint32_t kMissingFloat = 0x7fc00001;
constexpr std::uint64_t kMissingDouble = 0x7ff8000000000001;

template <typename Float>
bool IsMissing(Float value) {
  if constexpr (sizeof(Float) == sizeof(float)) {
    return std::bit_cast<std::uint32_t>(value) == kMissingFloat;
  } else {
    return std::bit_cast<std::uint64_t>(value) == kMissingDouble;
  }
}

template <typename Float>
Float ToCell(const MetricColumn::Value& value) {
  switch (value.kind) {
    case MetricColumn::Value::kNumber:
      return static_cast<Float>(value.number);
    case MetricColumn::Value::kNan:
      return std::numeric_limits<Float>::quiet_NaN();
    default:
      break;
  }
  if constexpr (sizeof(Float) == sizeof(float)) {
    return std::bit_cast<float>(kMissingFloat);
  } else {
    return std::bit_cast<double>(kMissingDouble);
  }
}

template <typename Float>
MetricColumn::Value FromCell(Float cell) {
  using Value = MetricColumn::Value;
  if (!std::isnan(cell)) return {Value::kNumber, static_cast<double>(cell)};
  return {IsMissing(cell) ? Value::kMissing : Value::kNan, 0};
}

bool IsFloat(const MetricColumn::Value& value) {
  if (value.kind != MetricColumn::Value::kNumber) return true;
  const double most = std::numeric_limits<float>::max();
  return value.number >= -most && value.number <= most &&
         static_cast<double>(static_cast<float>(value.number)) == value.number;
}

template <typename Cells, typename Holds>
void KeepThose(const Cells& cells, RowMask& mask, const Holds& holds) {
  for (std::size_t i = 0; i < kPieceRows; ++i) mask[i] &= static_cast<std::uint8_t>(holds(cells[i]));
}

template <typename Cells>
void KeepCompared(const Cells& cells, MetricColumn::Operator op, double than, RowMask& mask) {
  using Operator = MetricColumn::Operator;
  // Every comparison with a NaN but != is false, and so is one with a missing value.
  switch (op) {
    case Operator::kEqual:
      return KeepThose(cells, mask, [than](double v) { return v == than; });
    case Operator::kNotEqual:
      return KeepThose(cells, mask, [than](auto v) { return !(static_cast<double>(v) == than) && !IsMissing(v); });
    case Operator::kLess:
      return KeepThose(cells, mask, [than](double v) { return v < than; });
    case Operator::kLessOrEqual:
      return KeepThose(cells, mask, [than](double v) { return v <= than; });
    case Operator::kGreater:
      return KeepThose(cells, mask, [than](double v) { return v > than; });
    case Operator::kGreaterOrEqual:
      return KeepThose(cells, mask, [than](double v) { return v >= than; });
  }
}

// How many bytes the character of UTF-8 has that begins there, at least 1 and no more than are left.
std::size_t CharacterAt(std::string_view text, std::size_t at) {
  std::size_t end = at + 1;
  if ((static_cast<unsigned char>(text[at]) & 0xc0) == 0xc0) {
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) ++end;
  }
  return end - at;
}

char Folded(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

void MetricColumn::Set(std::size_t row, const Value& value) {
  const std::size_t piece = row / kPieceRows;
  if (piece >= pieces_.size()) {
    if (value.kind == Value::kMissing) return;
    bytes_ += (piece + 1 - pieces_.size()) * sizeof(Piece);
    pieces_.resize(piece + 1);
  }
  Piece& cells = pieces_[piece];
  if (std::holds_alternative<std::monostate>(cells)) {
    if (value.kind == Value::kMissing) return;
    auto fresh = std::make_unique<Floats>();
    fresh->fill(ToCell<float>({}));
    cells = std::move(fresh);
    bytes_ += sizeof(Floats);
  }
  if (auto* floats = std::get_if<std::unique_ptr<Floats>>(&cells)) {
    if (IsFloat(value)) {
      (**floats)[row % kPieceRows] = ToCell<float>(value);
      return;
    }
    auto doubles = std::make_unique<Doubles>();
    for (std::size_t i = 0; i < kPieceRows; ++i) (*doubles)[i] = ToCell<double>(FromCell((**floats)[i]));
    cells = std::move(doubles);
    bytes_ += sizeof(Doubles) - sizeof(Floats);
  }
  (*std::get<std::unique_ptr<Doubles>>(cells))[row % kPieceRows] = ToCell<double>(value);
}

MetricColumn::Value MetricColumn::At(std::size_t row) const {
  if (row / kPieceRows >= pieces_.size()) return {};
  const Piece& cells = pieces_[row / kPieceRows];
  if (const auto* floats = std::get_if<std::unique_ptr<Floats>>(&cells)) return FromCell((**floats)[row % kPieceRows]);
  if (const auto* doubles = std::get_if<std::unique_ptr<Doubles>>(&cells)) {
    return FromCell((**doubles)[row % kPieceRows]);
  }
  return {};
}

void MetricColumn::Keep(std::size_t piece, Operator op, double than, RowMask& mask) const {
  if (piece < pieces_.size()) {
    const Piece& cells = pieces_[piece];
    if (const auto* floats = std::get_if<std::unique_ptr<Floats>>(&cells)) {
      return KeepCompared(**floats, op, than, mask);
    }
    if (const auto* doubles = std::get_if<std::unique_ptr<Doubles>>(&cells)) {
      return KeepCompared(**doubles, op, than, mask);
    }
  }
  mask.fill(0);
}

void TextColumn::GiveUp() {
  gave_up_ = true;
  codes_.clear();
  texts_ = {""};
  pieces_.clear();
  pieces_.shrink_to_fit();
  bytes_ = 0;
}

void TextColumn::Set(std::size_t row, const std::optional<std::string_view>& value) {
  constexpr std::size_t kLongest = 256;
  constexpr std::size_t kFew = 1000;  // values for which it is worth whatever they are
  constexpr std::size_t kEntry = 96;  // of a text in both places
  if (gave_up_) return;
  Code code = 0;
  if (value) {
    ++set_;
    if (const auto known = codes_.find(*value); known != codes_.end()) {
      code = known->second;
    } else {
      const bool full = texts_.size() > std::numeric_limits<Code>::max();
      const bool odd = value->size() > kLongest || value->find('\0') != std::string_view::npos;
      if (full || odd || (texts_.size() > kFew && texts_.size() > set_ / 2)) return GiveUp();
      code = static_cast<Code>(texts_.size());
      codes_.emplace(texts_.emplace_back(*value), code);
      bytes_ += kEntry + value->size();
    }
  }
  const std::size_t piece = row / kPieceRows;
  if (piece >= pieces_.size()) {
    if (code == 0) return;
    bytes_ += (piece + 1 - pieces_.size()) * sizeof(Piece);
    pieces_.resize(piece + 1);
  }
  Piece& cells = pieces_[piece];
  if (std::holds_alternative<std::monostate>(cells)) {
    if (code == 0) return;
    cells = std::make_unique<Bytes>();
    bytes_ += sizeof(Bytes);
  }
  if (auto* bytes = std::get_if<std::unique_ptr<Bytes>>(&cells)) {
    if (code <= std::numeric_limits<std::uint8_t>::max()) {
      (**bytes)[row % kPieceRows] = static_cast<std::uint8_t>(code);
      return;
    }
    auto words = std::make_unique<Words>();
    for (std::size_t i = 0; i < kPieceRows; ++i) (*words)[i] = (**bytes)[i];
    cells = std::move(words);
    bytes_ += sizeof(Words) - sizeof(Bytes);
  }
  (*std::get<std::unique_ptr<Words>>(cells))[row % kPieceRows] = code;
}

TextColumn::Code TextColumn::CodeAt(std::size_t row) const {
  if (row / kPieceRows >= pieces_.size()) return 0;
  const Piece& cells = pieces_[row / kPieceRows];
  if (const auto* bytes = std::get_if<std::unique_ptr<Bytes>>(&cells)) return (**bytes)[row % kPieceRows];
  if (const auto* words = std::get_if<std::unique_ptr<Words>>(&cells)) return (**words)[row % kPieceRows];
  return 0;
}

void TextColumn::Keep(std::size_t piece, const std::vector<std::uint8_t>& passes, RowMask& mask) const {
  const auto keep = [&](const auto& cells) {
    for (std::size_t i = 0; i < kPieceRows; ++i) mask[i] &= passes[cells[i]];
  };
  if (piece < pieces_.size()) {
    const Piece& cells = pieces_[piece];
    if (const auto* bytes = std::get_if<std::unique_ptr<Bytes>>(&cells)) return keep(**bytes);
    if (const auto* words = std::get_if<std::unique_ptr<Words>>(&cells)) return keep(**words);
  }
  if (passes[0] == 0) mask.fill(0);
}

bool IsLike(std::string_view text, std::string_view pattern, bool fold) {
  // Where the last '%' stood, and up to where it has taken the text: on a mismatch it takes one more.
  std::size_t t = 0;
  std::size_t p = 0;
  std::optional<std::size_t> any;
  std::size_t taken = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '%') {
      any = ++p;
      taken = t;
      continue;
    }
    if (p < pattern.size() && pattern[p] == '_') {
      t += CharacterAt(text, t);
      ++p;
      continue;
    }
    if (p < pattern.size() && (text[t] == pattern[p] || (fold && Folded(text[t]) == Folded(pattern[p])))) {
      ++t;
      ++p;
      continue;
    }
    if (!any) return false;
    taken += CharacterAt(text, taken);
    t = taken;
    p = *any;
  }
  while (p < pattern.size() && pattern[p] == '%') ++p;
  return p == pattern.size();
}

}  // namespace keelson::tracking
