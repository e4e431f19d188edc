#include "training/matrix.h"

#include <fmt/format.h>

#include <cmath>
#include <set>
#include <utility>

#include "base/hash.h"

namespace keelson::training {
namespace {

// NumPy's __array_interface__ of memory that we keep while the call lasts.
std::string ArrayInterface(const std::vector<float>& values, std::size_t rows, std::size_t columns) {
  const std::string shape = columns == 0 ? fmt::format("{}", rows) : fmt::format("{}, {}", rows, columns);
  return fmt::format(R"({{"data": [{}, true], "shape": [{}], "strides": null, "typestr": "<f4", "version": 3}})",
                     reinterpret_cast<std::uintptr_t>(values.data()), shape);
}

Status SetInfo(const XgboostApi& api, const Matrix& matrix, XgboostApi::Handle handle) {
  if (!matrix.labels.empty()) {
    const std::string labels = ArrayInterface(matrix.labels, matrix.rows, 0);
    KEELSON_RETURN_IF_ERROR(api.Check(api.DMatrixSetInfoFromInterface(handle, "label", labels.c_str())));
  }
  const auto set = [&](const char* field, const std::vector<std::string>& values) -> Status {
    std::vector<const char*> pointers;
    for (const std::string& value : values) pointers.push_back(value.c_str());
    return api.Check(api.DMatrixSetStrFeatureInfo(handle, field, pointers.data(), pointers.size()));
  };
  KEELSON_RETURN_IF_ERROR(set("feature_name", matrix.names));
  if (!matrix.types.empty()) KEELSON_RETURN_IF_ERROR(set("feature_type", matrix.types));
  return {};
}

// The one batch that MakeQuantized hands to the library.
struct OneBatch {
  const XgboostApi* api;
  const Matrix* matrix;
  XgboostApi::Handle proxy;
  bool given = false;
  Status status;
};

void ResetBatch(void* iterator) {
  static_cast<OneBatch*>(iterator)->given = false;
}

int NextBatch(void* iterator) {
  auto* batch = static_cast<OneBatch*>(iterator);
  if (batch->given) return 0;
  batch->given = true;
  const std::string values = ArrayInterface(batch->matrix->values, batch->matrix->rows, batch->matrix->columns());
  batch->status = batch->api->Check(batch->api->ProxyDMatrixSetDataDense(batch->proxy, values.c_str()));
  if (batch->status.has_value()) batch->status = SetInfo(*batch->api, *batch->matrix, batch->proxy);
  return batch->status.has_value() ? 1 : 0;
}

}  // namespace

Status Matrix::Check() const {
  if (rows == 0) return Fail(ErrorCode::kInvalidArgument, "there are no rows");
  if (names.empty()) return Fail(ErrorCode::kInvalidArgument, "there are no columns");
  if (values.size() != rows * columns()) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{} values are not {} rows of {} columns", values.size(), rows, columns()));
  }
  if (!labels.empty() && labels.size() != rows) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("{} labels for {} rows", labels.size(), rows));
  }
  if (!types.empty() && types.size() != columns()) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("{} types for {} columns", types.size(), columns()));
  }
  std::set<std::string> seen;
  for (const std::string& name : names) {
    if (!seen.insert(name).second) return Fail(ErrorCode::kInvalidArgument, "two columns have the same name", name);
  }
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (!std::isfinite(labels[i]))
      return Fail(ErrorCode::kInvalidArgument, fmt::format("row {} has no finite label", i));
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isinf(values[i])) {
      return Fail(ErrorCode::kInvalidArgument, fmt::format("row {} is infinite", i / columns()), names[i % columns()]);
    }
  }
  return {};
}

std::string Matrix::Hash() const {
  Sha256 hash;
  const auto add = [&hash](std::string_view bytes) {
    hash.Update(fmt::format("{}:", bytes.size()));
    hash.Update(bytes);
  };
  const auto add_numbers = [&add](const std::vector<float>& numbers) {
    add({reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(float)});
  };
  add(fmt::format("{} {} {}", rows, names.size(), types.size()));
  for (const std::string& name : names) add(name);
  for (const std::string& type : types) add(type);
  add_numbers(values);
  add_numbers(labels);
  return hash.HexDigest();
}

Result<DMatrix> DMatrix::Make(const XgboostApi& api, const Matrix& matrix, int threads) {
  KEELSON_RETURN_IF_ERROR(matrix.Check());
  const std::string values = ArrayInterface(matrix.values, matrix.rows, matrix.columns());
  const std::string config = fmt::format(R"({{"missing": NaN, "nthread": {}}})", threads);
  XgboostApi::Handle handle = nullptr;
  KEELSON_RETURN_IF_ERROR(api.Check(api.DMatrixCreateFromDense(values.c_str(), config.c_str(), &handle)));
  DMatrix made(api, handle);
  KEELSON_RETURN_IF_ERROR(SetInfo(api, matrix, handle));
  return made;
}

Result<DMatrix> DMatrix::MakeQuantized(const XgboostApi& api, const Matrix& matrix, int threads, int max_bin) {
  KEELSON_RETURN_IF_ERROR(matrix.Check());
  XgboostApi::Handle proxy_handle = nullptr;
  KEELSON_RETURN_IF_ERROR(api.Check(api.ProxyDMatrixCreate(&proxy_handle)));
  const DMatrix proxy(api, proxy_handle);
  OneBatch batch{&api, &matrix, proxy_handle, false, {}};
  const std::string config = fmt::format(R"({{"missing": NaN, "nthread": {}, "max_bin": {}}})", threads, max_bin);
  XgboostApi::Handle handle = nullptr;
  const Status made = api.Check(api.QuantileDMatrixCreateFromCallback(&batch, proxy_handle, nullptr, &ResetBatch,
                                                                      &NextBatch, config.c_str(), &handle));
  KEELSON_RETURN_IF_ERROR(batch.status);
  KEELSON_RETURN_IF_ERROR(made);
  return DMatrix(api, handle);
}

DMatrix::DMatrix(DMatrix&& other) noexcept : api_(other.api_), handle_(std::exchange(other.handle_, nullptr)) {}

DMatrix& DMatrix::operator=(DMatrix&& other) noexcept {
  std::swap(api_, other.api_);
  std::swap(handle_, other.handle_);
  return *this;
}

DMatrix::~DMatrix() {
  if (handle_ != nullptr) api_->DMatrixFree(handle_);
}

}  // namespace keelson::training
