#pragma once

#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "sklearn/attributes.h"
#include "sklearn/input_check.h"

namespace keelson::sklearn {

// What a pipeline does with rows before its estimator: of each column the same as scikit-learn does in double
// precision, bit for bit. Immutable.
class Transform {
 public:
  virtual ~Transform() = default;

  // StandardScaler, MinMaxScaler or SimpleImputer, or null when it is none of them. kUnsupported as Attributes.
  static Result<std::unique_ptr<const Transform>> Build(const Attributes& attributes);

  const InputCheck& check() const { return check_; }
  // `rows` were checked.
  virtual void Apply(std::span<double> rows) const = 0;
  // Whether whole numbers would be refused or kept as such: an imputer of a constant.
  virtual bool keeps_integers() const { return false; }

 protected:
  explicit Transform(InputCheck check) : check_(std::move(check)) {}
  InputCheck check_;
};

// What every estimator says of its input.
Result<InputCheck> CheckOf(const Attributes& attributes);

}  // namespace keelson::sklearn
