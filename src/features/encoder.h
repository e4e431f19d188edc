#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "data/table.h"
#include "features/keys.h"

namespace keelson::features {

// Turns rows into a model's numbers, in training and in serving alike; a model version carries its own, as JSON. Each
// input becomes one float32: a number itself (int64 beyond 2^24 is rounded), truth 1 or 0, text the place of its
// category in the input's dictionary; a missing value and a category never seen in training are not-a-number.
// Timestamps are refused.
//
// A value, once made, is immutable; safe from any thread.
class InputEncoder {
 public:
  struct Input {
    std::string name;
    data::ColumnType type = data::ColumnType::kDouble;
    std::vector<std::string> categories;  // of text only
    bool operator==(const Input&) const = default;
  };
  static constexpr std::size_t kMaximumCategories = 1 << 24;  // float32 tells so many apart

  // For the columns `inputs` of a training table, in that order. Categories are in byte order; with `previous`, what it
  // had keeps its place and new categories come behind, in byte order: a model trained on keeps its meaning.
  static Result<InputEncoder> Create(const data::Table& training, const std::vector<std::string>& inputs,
                                     const InputEncoder* previous = nullptr);

  const std::vector<Input>& inputs() const { return inputs_; }
  std::size_t width() const { return inputs_.size(); }

  // rows x width() numbers, row-major. The table's columns are found by name, others are ignored. kNotFound for a
  // missing column; kInvalidArgument for text where a number belongs or the reverse, and for a number beyond float32.
  Result<std::vector<float>> Encode(const data::Table& table) const;

  // One row, whose cells are in the order of inputs(); `out` has width() places. The same errors.
  Status EncodeRow(std::span<const data::Value> row, std::span<float> out) const;

  // {"inputs": [{"name": ..., "type": ..., "categories": [...]}]}; an unknown field is an error.
  std::string ToJson() const;
  static Result<InputEncoder> FromJson(std::string_view text);

  bool operator==(const InputEncoder& other) const { return inputs_ == other.inputs_; }

 private:
  Status Index();  // fills codes_; kInvalidArgument when inputs_ contradicts itself
  float Code(std::size_t input, std::string_view category) const;

  std::vector<Input> inputs_;
  std::vector<BytesMap<float>> codes_;  // by input
};

}  // namespace keelson::features
