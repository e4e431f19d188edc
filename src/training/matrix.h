#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/result.h"
#include "training/xgboost_library.h"

namespace keelson::training {

// Encoded training data: `rows` x `names.size()` numbers, row by row, NaN for missing, and one label a row (none for
// data that is only predicted).
struct Matrix {
  std::size_t rows = 0;
  std::vector<std::string> names;  // one a column
  std::vector<std::string> types;  // XGBoost's: "float", "int", "i" (0 or 1), "c" (category codes); empty: all "float"
  std::vector<float> values;
  std::vector<float> labels;

  std::size_t columns() const { return names.size(); }
  // kInvalidArgument when the sizes do not fit, a label is missing or infinite, a value is infinite, or a name comes
  // twice.
  Status Check() const;
  // Changes with every bit of the data, the names and the types.
  std::string Hash() const;
};

// XGBoost's own form of a Matrix. Owns the library's handle; use from one thread at a time. `matrix` may go after it is
// made.
class DMatrix {
 public:
  static Result<DMatrix> Make(const XgboostApi& api, const Matrix& matrix, int threads);
  // Cut into `max_bin` quantiles at once, which is all that the hist method needs: equal models (tested), without the
  // copy of the values that Make keeps. For training only.
  static Result<DMatrix> MakeQuantized(const XgboostApi& api, const Matrix& matrix, int threads, int max_bin);

  DMatrix(DMatrix&& other) noexcept;
  DMatrix& operator=(DMatrix&& other) noexcept;
  ~DMatrix();

  XgboostApi::Handle handle() const { return handle_; }

 private:
  DMatrix(const XgboostApi& api, XgboostApi::Handle handle) : api_(&api), handle_(handle) {}
  const XgboostApi* api_;
  XgboostApi::Handle handle_;
};

}  // namespace keelson::training
