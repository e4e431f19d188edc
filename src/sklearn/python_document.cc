#include "sklearn/python_document.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>

namespace keelson::sklearn {
namespace {

constexpr std::size_t kMaxElements = std::size_t{1} << 31;

std::unexpected<Error> Unsupported(std::string what) {
  return Fail(ErrorCode::kUnsupported, std::move(what));
}

template <typename T>
T Load(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}

std::optional<std::int64_t> LoadInt(char kind, std::uint32_t size, const char* at) {
  if (kind == 'b' && size == 1) return *at != 0 ? 1 : 0;
  if (kind == 'i') {
    if (size == 1) return Load<std::int8_t>(at);
    if (size == 2) return Load<std::int16_t>(at);
    if (size == 4) return Load<std::int32_t>(at);
    if (size == 8) return Load<std::int64_t>(at);
  }
  if (kind == 'u') {
    if (size == 1) return Load<std::uint8_t>(at);
    if (size == 2) return Load<std::uint16_t>(at);
    if (size == 4) return Load<std::uint32_t>(at);
    const auto value = size == 8 ? Load<std::uint64_t>(at) : std::numeric_limits<std::uint64_t>::max();
    if (value <= std::numeric_limits<std::int64_t>::max()) return static_cast<std::int64_t>(value);
  }
  return std::nullopt;
}

std::optional<double> LoadDouble(char kind, std::uint32_t size, const char* at) {
  if (kind == 'f' && size == 8) return Load<double>(at);
  if (kind == 'f' && size == 4) return static_cast<double>(Load<float>(at));
  const auto whole = LoadInt(kind, size, at);
  if (!whole) return std::nullopt;
  return static_cast<double>(*whole);
}

void AppendUtf8(std::uint32_t point, std::string* out) {
  const auto byte = [&](std::uint32_t value) { out->push_back(static_cast<char>(value)); };
  const auto more = [&](int shift) { byte(0x80u | ((point >> shift) & 0x3Fu)); };
  if (point < 0x80) return byte(point);
  if (point < 0x800) {
    byte(0xC0u | (point >> 6));
    return more(0);
  }
  if (point < 0x10000) {
    byte(0xE0u | (point >> 12));
    more(6);
    return more(0);
  }
  byte(0xF0u | (point >> 18));
  more(12);
  more(6);
  more(0);
}

// A text of numpy: characters of four bytes, the rest zeroes. Nothing for what is no Unicode.
std::optional<std::string> LoadText(std::uint32_t size, const char* at) {
  std::string text;
  std::size_t length = size / 4;
  while (length > 0 && Load<std::uint32_t>(at + (length - 1) * 4) == 0) --length;
  for (std::size_t i = 0; i < length; ++i) {
    const auto point = Load<std::uint32_t>(at + i * 4);
    if (point > 0x10FFFF || (point >= 0xD800 && point < 0xE000)) return std::nullopt;
    AppendUtf8(point, &text);
  }
  return text;
}

std::optional<double> DoubleOf(const Value& value) {
  if (value.kind == Value::Kind::kFloat) return value.number;
  if (value.kind == Value::Kind::kInt || value.kind == Value::Kind::kBool) return static_cast<double>(value.integer);
  return std::nullopt;
}

std::optional<std::int64_t> IntOf(const Value& value) {
  if (value.kind == Value::Kind::kInt || value.kind == Value::Kind::kBool) return value.integer;
  return std::nullopt;
}

std::optional<std::string> TextOf(const Value& value) {
  if (value.kind != Value::Kind::kText) return std::nullopt;
  return std::string(value.text);
}

// Where the i-th element in row-major order lies.
class Places {
 public:
  explicit Places(const Array& array) : array_(array) {}
  std::size_t operator()(std::size_t i) const {
    if (!array_.fortran || array_.shape.size() < 2) return i;
    std::size_t place = 0;
    std::size_t stride = array_.size();
    for (std::size_t d = array_.shape.size(); d-- > 0;) {
      const auto length = static_cast<std::size_t>(array_.shape[d]);
      stride /= length;
      place += i % length * stride;
      i /= length;
    }
    return place;
  }

 private:
  const Array& array_;
};

template <typename T, typename Load, typename OfValue>
Result<std::vector<T>> Elements(const Document& document, const Array& array, std::string_view what, const Load& load,
                                const OfValue& of_value) {
  const std::size_t size = array.size();
  std::vector<T> elements;
  elements.reserve(size);
  const Places places(array);
  for (std::size_t i = 0; i < size; ++i) {
    auto element = array.type.kind == 'O' ? of_value(document.at(array.items[places(i)]))
                                          : load(array.bytes.data() + places(i) * array.type.size);
    if (!element) {
      return Unsupported(fmt::format("an array of {}{} where {} are expected", array.type.kind, array.type.size, what));
    }
    elements.push_back(std::move(*element));
  }
  return elements;
}

template <typename T, typename Load>
Result<std::vector<T>> FieldElements(const Array& array, std::string_view name, const Load& load) {
  const auto& fields = array.type.fields;
  const auto field = std::ranges::find(fields, name, &ElementType::Field::name);
  if (field == fields.end() || array.shape.size() != 1) {
    return Unsupported(fmt::format("no array of one dimension with a field \"{}\"", name));
  }
  std::vector<T> elements;
  elements.reserve(array.size());
  for (std::size_t i = 0; i < array.size(); ++i) {
    const auto element = load(field->kind, field->size, array.bytes.data() + i * array.type.size + field->offset);
    if (!element) return Unsupported(fmt::format("a field \"{}\" of {}{}", name, field->kind, field->size));
    elements.push_back(*element);
  }
  return elements;
}

}  // namespace

std::size_t Array::size() const {
  std::size_t size = 1;
  for (const std::int64_t length : shape) size *= static_cast<std::size_t>(length);
  return size;
}

const Value* Document::Find(const Value& dict, std::string_view key) const {
  if (dict.kind != Value::Kind::kDict) return nullptr;
  for (std::size_t i = dict.items.size(); i >= 2; i -= 2) {
    const Value& each = at(dict.items[i - 2]);
    if (each.kind == Value::Kind::kText && each.text == key) return &at(dict.items[i - 1]);
  }
  return nullptr;
}

Result<Ref> Document::Add(Value value) {
  if (values_.size() == kMaxValues) {
    return Fail(ErrorCode::kResourceExhausted, fmt::format("more than {} values", kMaxValues));
  }
  values_.push_back(std::move(value));
  return static_cast<Ref>(values_.size() - 1);
}

Result<Ref> Document::AddArray(Array array) {
  Value value;
  value.kind = Value::Kind::kArray;
  value.place = static_cast<std::uint32_t>(arrays_.size());
  arrays_.push_back(std::move(array));
  return Add(std::move(value));
}

Result<Ref> Document::AddType(ElementType type) {
  Value value;
  value.kind = Value::Kind::kType;
  value.place = static_cast<std::uint32_t>(types_.size());
  types_.push_back(std::move(type));
  return Add(std::move(value));
}

std::string_view Document::Own(std::string text) {
  return owned_.emplace_back(std::move(text));
}

Result<ElementType> ParseElementType(std::string_view name) {
  const std::string_view whole = name;
  if (name.starts_with('<') || name.starts_with('|') || name.starts_with('=')) name.remove_prefix(1);
  ElementType type;
  std::uint64_t size = 0;
  bool digits = name.size() > 1 && name.size() < 10;
  for (std::size_t i = 1; digits && i < name.size(); ++i) {
    digits = name[i] >= '0' && name[i] <= '9';
    size = size * 10 + static_cast<std::uint64_t>(name[i] - '0');
  }
  type.kind = name.empty() ? '\0' : name[0];
  if (type.kind == 'O') return ElementType{'O', 8, {}};
  const bool number = (type.kind == 'b' && size == 1) || (type.kind == 'f' && (size == 4 || size == 8)) ||
                      ((type.kind == 'i' || type.kind == 'u') && (size == 1 || size == 2 || size == 4 || size == 8));
  const bool other =
      (type.kind == 'U' && size > 0 && size <= 1'000'000) || (type.kind == 'V' && size > 0 && size <= 1'000'000);
  if (!digits || (!number && !other)) return Unsupported(fmt::format("numpy's type \"{}\"", whole.substr(0, 20)));
  type.size = static_cast<std::uint32_t>(type.kind == 'U' ? size * 4 : size);
  return type;
}

Status CheckFilled(const Array& array) {
  std::size_t size = 1;
  for (const std::int64_t length : array.shape) {
    if (length < 0 || (length > 0 && size > kMaxElements / static_cast<std::size_t>(length))) {
      return Unsupported("an array of more elements than there can be");
    }
    size *= static_cast<std::size_t>(length);
  }
  const bool objects = array.type.kind == 'O';
  if (array.shape.size() > 32 ||
      (objects ? array.items.size() != size : array.bytes.size() != size * array.type.size)) {
    return Fail(ErrorCode::kInvalidArgument, "an array whose contents do not fit its shape");
  }
  return {};
}

Result<std::vector<double>> DoublesOf(const Document& document, const Array& array) {
  const auto load = [&](const char* at) { return LoadDouble(array.type.kind, array.type.size, at); };
  return Elements<double>(document, array, "numbers", load, DoubleOf);
}

Result<std::vector<std::int64_t>> IntsOf(const Document& document, const Array& array) {
  const auto load = [&](const char* at) { return LoadInt(array.type.kind, array.type.size, at); };
  return Elements<std::int64_t>(document, array, "whole numbers", load, IntOf);
}

Result<std::vector<std::string>> TextsOf(const Document& document, const Array& array) {
  const auto load = [&](const char* at) -> std::optional<std::string> {
    if (array.type.kind != 'U') return std::nullopt;
    return LoadText(array.type.size, at);
  };
  return Elements<std::string>(document, array, "texts", load, TextOf);
}

Result<std::vector<double>> FieldDoubles(const Array& array, std::string_view field) {
  return FieldElements<double>(array, field, LoadDouble);
}

Result<std::vector<std::int64_t>> FieldInts(const Array& array, std::string_view field) {
  return FieldElements<std::int64_t>(array, field, LoadInt);
}

Result<Value> ReadScalar(const ElementType& type, std::string_view bytes, Document* document) {
  if (bytes.size() != type.size) return Fail(ErrorCode::kInvalidArgument, "a number of another size than its type");
  Value value;
  if (type.kind == 'f') {
    value.kind = Value::Kind::kFloat;
    value.number = LoadDouble(type.kind, type.size, bytes.data()).value_or(0);
    return value;
  }
  if (type.kind == 'U') {
    auto text = LoadText(type.size, bytes.data());
    if (!text) return Fail(ErrorCode::kInvalidArgument, "a text that is no Unicode");
    value.kind = Value::Kind::kText;
    value.text = document->Own(std::move(*text));
    return value;
  }
  if (type.kind != 'b' && type.kind != 'i' && type.kind != 'u') return Unsupported("a scalar of fields or objects");
  const auto whole = LoadInt(type.kind, type.size, bytes.data());
  value.kind = !whole ? Value::Kind::kBigInt : type.kind == 'b' ? Value::Kind::kBool : Value::Kind::kInt;
  value.integer = whole.value_or(0);
  return value;
}

}  // namespace keelson::sklearn
