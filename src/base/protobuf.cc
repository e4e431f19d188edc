#include "base/protobuf.h"

#include <bit>
#include <cstring>

#include "base/strings.h"

namespace keelson {
namespace {

constexpr int kMostGroups = 100;
constexpr std::uint64_t kEndGroup = 4;

static_assert(std::endian::native == std::endian::little, "fixed numbers are copied as they are");

}  // namespace

bool ProtoReader::Fail() {
  ok_ = false;
  rest_ = {};
  return false;
}

bool ProtoReader::TakeVarint(std::uint64_t* value) {
  std::uint64_t result = 0;
  const std::size_t most = rest_.size() < 10 ? rest_.size() : 10;
  for (std::size_t i = 0; i < most; ++i) {
    const auto byte = static_cast<unsigned char>(rest_[i]);
    result |= static_cast<std::uint64_t>(byte & 0x7f) << (7 * i);  // of the tenth byte one bit counts
    if (byte >= 0x80) continue;
    *value = result;
    rest_.remove_prefix(i + 1);
    return true;
  }
  return Fail();
}

bool ProtoReader::TakeValue() {
  switch (key_ & 7) {
    case 0:
      return TakeVarint(&number_);
    case 1:
    case 5: {
      const std::size_t size = (key_ & 7) == 1 ? 8 : 4;
      if (rest_.size() < size) return Fail();
      number_ = 0;
      std::memcpy(&number_, rest_.data(), size);
      rest_.remove_prefix(size);
      return true;
    }
    case 2:
      if (!TakeVarint(&number_)) return false;
      if (number_ > rest_.size()) return Fail();
      bytes_ = rest_.substr(0, static_cast<std::size_t>(number_));
      rest_.remove_prefix(bytes_.size());
      return true;
    case 3:
      return SkipGroup(key_ >> 3);
    default:
      return Fail();
  }
}

bool ProtoReader::SkipGroup(std::uint64_t field) {
  std::uint64_t open[kMostGroups];
  int depth = 0;
  open[depth++] = field;
  while (depth > 0) {
    std::uint64_t key = 0;
    if (!TakeVarint(&key) || key >> 3 == 0 || key > 0xffffffff) return Fail();
    if ((key & 7) == kEndGroup) {
      if (open[--depth] != key >> 3) return Fail();
    } else if ((key & 7) == 3) {
      if (depth == kMostGroups) return Fail();
      open[depth++] = key >> 3;
    } else {
      key_ = key;
      if (!TakeValue()) return false;
    }
  }
  key_ = ProtoKey(static_cast<std::uint32_t>(field), ProtoType::kGroup);
  return true;
}

bool ProtoReader::Next() {
  if (rest_.empty()) return false;
  if (!TakeVarint(&key_)) return false;
  if (key_ >> 3 == 0 || key_ > 0xffffffff) return Fail();
  return TakeValue();
}

bool ProtoReader::Text(std::string* out) {
  if (!IsValidUtf8(bytes_)) return Fail();
  out->assign(bytes_);
  return true;
}

void ProtoWriter::Varint(std::uint64_t value) {
  while (value >= 0x80) {
    out_.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out_.push_back(static_cast<char>(value));
}

void ProtoWriter::Element(std::uint32_t field, std::uint64_t value) {
  Varint(ProtoVarint(field));
  Varint(value);
}

void ProtoWriter::Double(std::uint32_t field, double value) {
  const auto bits = std::bit_cast<std::uint64_t>(value);
  if (bits == 0) return;
  Varint(ProtoKey(field, ProtoType::kFixed64));
  out_.append(reinterpret_cast<const char*>(&bits), sizeof bits);
}

void ProtoWriter::Bytes(std::uint32_t field, std::string_view value) {
  Varint(ProtoBytes(field));
  Varint(value.size());
  out_.append(value);
}

std::size_t ProtoWriter::Begin(std::uint32_t field) {
  Varint(ProtoBytes(field));
  out_.push_back('\0');  // the length, which is nearly always of one byte
  return out_.size();
}

void ProtoWriter::End(std::size_t begin) {
  std::uint64_t size = out_.size() - begin;
  if (size < 0x80) {
    out_[begin - 1] = static_cast<char>(size);
    return;
  }
  std::string length;
  ProtoWriter(&length).Varint(size);
  out_.replace(begin - 1, 1, length);
}

}  // namespace keelson
