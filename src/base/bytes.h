#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

// Numbers and texts as bytes, little-endian, for what our own processes write and read: frames of logs, table files.
namespace keelson {

static_assert(std::endian::native == std::endian::little, "numbers are copied as they are");

template <typename T>
  requires std::is_arithmetic_v<T>
void PutNumber(std::string& out, T value) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  out.append(bytes, sizeof(T));
}

template <typename T>
  requires std::is_arithmetic_v<T>
void PutNumbers(std::string& out, const std::vector<T>& values) {
  if (!values.empty()) out.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

// Its length in 32 bits, then its bytes.
inline void PutText(std::string& out, std::string_view text) {
  PutNumber(out, static_cast<std::uint32_t>(text.size()));
  out.append(text);
}

// Takes values off the front of bytes that may be damaged. A value that is not there whole gives zero or "", and makes
// ok() false for good.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  template <typename T>
    requires std::is_arithmetic_v<T>
  T Number() {
    T value{};
    if (!Has(sizeof(T))) return value;
    std::memcpy(&value, rest_.data(), sizeof(T));
    rest_.remove_prefix(sizeof(T));
    return value;
  }
  // All of them or none, however large a count damaged bytes may say.
  template <typename T>
    requires std::is_arithmetic_v<T>
  std::vector<T> Numbers(std::uint64_t count) {
    std::vector<T> values;
    if (count > rest_.size() / sizeof(T)) ok_ = false;
    if (!ok_ || count == 0) return values;
    values.resize(count);
    const std::string_view bytes = Bytes(count * sizeof(T));
    std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
  }
  std::string_view Bytes(std::size_t count) {
    if (!Has(count)) return {};
    const std::string_view part = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return part;
  }
  std::string_view Text() { return Bytes(Number<std::uint32_t>()); }

  // Whether that many bytes are left; if not, ok() is false from now on.
  bool Has(std::size_t count) {
    if (rest_.size() < count) ok_ = false;
    return ok_;
  }
  std::size_t left() const { return rest_.size(); }
  bool ok() const { return ok_; }
  bool done() const { return ok_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace keelson
