#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "base/result.h"

namespace keelson::sklearn {

// Rows of numbers, row-major.
struct Rows {
  std::span<const double> values;
  std::size_t count = 0;
  std::size_t width = 0;
  bool single = false;  // they came as float32
};

// What an estimator refuses: scikit-learn's validate_data before a prediction.
struct InputCheck {
  enum class Precision { kAsGiven, kFloat32, kFloat64 };

  std::string estimator;  // as messages call it
  std::size_t features = 0;
  bool finite = true;    // infinities are refused
  bool missing = false;  // NaN is not
  Precision precision = Precision::kAsGiven;

  // kInvalidArgument in scikit-learn's words.
  Status Check(const Rows& rows) const;
};

}  // namespace keelson::sklearn
