#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace keelson::serving {

// One tree as the file tells it, checked: split 0 is the root, each split and each leaf is reached once, every index is
// in range. A child is a split's number, or ~leaf when it is negative. A tree of one leaf has no splits.
struct LightgbmTree {
  static constexpr std::uint8_t kCategorical = 1;
  static constexpr std::uint8_t kDefaultLeft = 2;
  enum class Missing { kNone = 0, kZero = 1, kNaN = 2 };

  std::vector<std::int32_t> left;
  std::vector<std::int32_t> right;
  std::vector<std::int32_t> feature;
  std::vector<double> threshold;       // of a categorical split: the number of its set
  std::vector<std::uint8_t> decision;  // kCategorical | kDefaultLeft | Missing << 2
  std::vector<double> leaf_value;
  std::vector<std::int32_t> leaf_count;      // training rows; empty when the file has none
  std::vector<std::int32_t> internal_count;  // likewise, of the splits
  std::vector<std::int32_t> set_begin;       // set i is the bits of words [set_begin[i], set_begin[i + 1])
  std::vector<std::uint32_t> set_words;      // a set bit: that category goes left

  // Linear leaves, empty without them: constant + sum of coefficient * value, but leaf_value when a value is missing.
  std::vector<double> leaf_constant;
  std::vector<std::vector<std::int32_t>> leaf_features;
  std::vector<std::vector<double>> leaf_coefficients;

  std::uint32_t depth = 0;  // edges from the root to the deepest leaf

  std::size_t leaves() const { return leaf_value.size(); }
  bool linear() const { return !leaf_constant.empty(); }
};

// How sums become what the library's own predict gives.
enum class LightgbmTransform { kIdentity, kSignedSquare, kExponential, kSigmoid, kSoftmax, kLog1pExp };

// A LightGBM model as its text file says it (versions v2 to v4).
struct LightgbmModel {
  std::string objective;  // its first word; "" or "custom" without one
  LightgbmTransform transform = LightgbmTransform::kIdentity;
  double sigmoid = 1;
  bool average = false;  // random forest: predict divides by the number of rounds
  std::uint32_t features = 0;
  std::uint32_t outputs = 1;  // classes; so many trees a round
  std::vector<LightgbmTree> trees;
  std::vector<std::string> feature_names;

  std::size_t rounds() const { return trees.size() / outputs; }
};

// Whether a file is to be read as LightGBM's: its first line is "tree".
bool IsLightgbmText(std::string_view content);

// Errors: kDataLoss for what is no such text (truncated, a list that is no list of numbers), kInvalidArgument for a
// text that is no sound model (an index out of range, a cycle, lengths that disagree), kUnsupported for an unknown
// objective; `where` is the tree and the key, or the line. Memory stays within a small multiple of the file's size.
Result<LightgbmModel> ReadLightgbmModel(std::string_view content);

}  // namespace keelson::serving
