#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace keelson::serving {

// The lines "key=value" of one block of a LightGBM file: the head, or one tree. Views into the file. Internal to the
// reader.
class LightgbmBlock {
 public:
  explicit LightgbmBlock(std::string where) : where_(std::move(where)) {}

  // kDataLoss for a line without '=' (but a bare word is a key with an empty value when `bare_keys`).
  Status AddLine(std::string_view line, bool bare_keys);

  bool Has(std::string_view key) const { return values_.contains(key); }
  std::string_view Text(std::string_view key) const;  // "" when there is none
  // kInvalidArgument when it is missing; kDataLoss when it is no whole number or, for the lists, holds anything else
  // than `size` numbers. A missing list is empty.
  Result<std::int64_t> Whole(std::string_view key) const;
  Status Doubles(std::string_view key, std::size_t size, std::vector<double>* values) const;
  Status Ints(std::string_view key, std::size_t size, std::vector<std::int32_t>* values) const;
  Status Words(std::string_view key, std::size_t size, std::vector<std::uint32_t>* values) const;

  std::string At(std::string_view key) const;  // for an error's `where`
  const std::string& where() const { return where_; }

 private:
  template <typename T>
  Status List(std::string_view key, std::size_t size, std::vector<T>* values) const;

  std::string where_;
  std::map<std::string_view, std::string_view> values_;
};

// A LightGBM file, cut into its blocks.
struct LightgbmText {
  LightgbmBlock head{"the head"};
  std::vector<LightgbmBlock> trees;
};

Result<LightgbmText> ReadLightgbmText(std::string_view content);

}  // namespace keelson::serving
