#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

// The wire format of Protocol Buffers, field by field, for messages that are read and written by hand.
namespace keelson {

enum class ProtoType : std::uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kGroup = 3, kFixed32 = 5 };

// A field of one type, as a label for `switch`: a field that comes as another type is an unknown one, as in protobuf.
constexpr std::uint64_t ProtoKey(std::uint32_t field, ProtoType type) {
  return std::uint64_t{field} << 3 | static_cast<std::uint64_t>(type);
}
constexpr std::uint64_t ProtoVarint(std::uint32_t field) {
  return ProtoKey(field, ProtoType::kVarint);
}
constexpr std::uint64_t ProtoBytes(std::uint32_t field) {
  return ProtoKey(field, ProtoType::kBytes);
}

// Takes a message apart: `while (reader.Next()) switch (reader.key()) {...}`, then ok(). What it does not know, the
// caller passes over by doing nothing. Never reads beyond the bytes; groups may be nested a hundred deep.
class ProtoReader {
 public:
  explicit ProtoReader(std::string_view bytes) : rest_(bytes) {}

  bool Next();  // false at the end, and for good when the bytes are malformed
  bool ok() const { return ok_; }

  std::uint64_t key() const { return key_; }
  std::uint64_t number() const { return number_; }   // of a varint, or the bits of what is fixed
  std::string_view bytes() const { return bytes_; }  // of what has a length; a view of the message
  bool Text(std::string* out);                       // the bytes, which must be UTF-8; else ok() is false from here on
  bool TakeVarint(std::uint64_t* value);             // of packed numbers, which are read without Next
  bool empty() const { return rest_.empty(); }

 private:
  bool Fail();
  bool SkipGroup(std::uint64_t field);
  bool TakeValue();

  std::string_view rest_;
  std::uint64_t key_ = 0;
  std::uint64_t number_ = 0;
  std::string_view bytes_;
  bool ok_ = true;
};

// Appends fields to a message. As proto3 has it, the plain methods leave out what is zero or empty.
class ProtoWriter {
 public:
  explicit ProtoWriter(std::string* out) : out_(*out) {}

  void Number(std::uint32_t field, std::uint64_t value) {
    if (value != 0) Element(field, value);
  }
  void Double(std::uint32_t field, double value);
  void Text(std::uint32_t field, std::string_view value) {
    if (!value.empty()) Bytes(field, value);
  }
  // One of a repeated field or of a oneof: also what is zero or empty.
  void Element(std::uint32_t field, std::uint64_t value);
  void Bytes(std::uint32_t field, std::string_view value);
  // A message or packed numbers, which `write` appends to the same output.
  template <typename Write>
  void Nested(std::uint32_t field, const Write& write) {
    const std::size_t begin = Begin(field);
    write();
    End(begin);
  }
  void Varint(std::uint64_t value);  // bare, within packed numbers
  std::string& out() { return out_; }

 private:
  std::size_t Begin(std::uint32_t field);
  void End(std::size_t begin);

  std::string& out_;
};

}  // namespace keelson
