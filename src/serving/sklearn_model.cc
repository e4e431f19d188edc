#include "serving/sklearn_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "io/files.h"

namespace keelson::serving {
namespace {

constexpr std::size_t kMaxEstimatorBytes = std::size_t{4} << 30;

std::unexpected<Error> Unsupported(std::string message) {
  return Fail(ErrorCode::kUnsupported, std::move(message));
}

std::unexpected<Error> ValueError(const std::string& message) {
  return Fail(ErrorCode::kInvalidArgument, "ValueError: " + message);
}

// The datatypes of MLflow's columns and of numpy that stand for numbers.
std::optional<Datatype> DatatypeOf(std::string_view type) {
  constexpr std::array<std::pair<std::string_view, Datatype>, 14> kTypes = {{{"double", Datatype::kFp64},
                                                                             {"float", Datatype::kFp32},
                                                                             {"long", Datatype::kInt64},
                                                                             {"integer", Datatype::kInt32},
                                                                             {"boolean", Datatype::kBool},
                                                                             {"float64", Datatype::kFp64},
                                                                             {"float32", Datatype::kFp32},
                                                                             {"int64", Datatype::kInt64},
                                                                             {"int32", Datatype::kInt32},
                                                                             {"int16", Datatype::kInt16},
                                                                             {"int8", Datatype::kInt8},
                                                                             {"uint8", Datatype::kUint8},
                                                                             {"uint32", Datatype::kUint32},
                                                                             {"bool", Datatype::kBool}}};
  const auto* const found = std::ranges::find(kTypes, type, &std::pair<std::string_view, Datatype>::first);
  if (found == kTypes.end()) return std::nullopt;
  return found->second;
}

// As python_worker.py describes an output, whose answer tells its own datatype.
TensorInfo DescribeOutput(const MlflowSignature::Column& column) {
  TensorInfo info{column.name.empty() ? "predict" : column.name, Datatype::kFp64, {-1}};
  if (column.type == "str" || column.type == "object" || column.type == "string" || column.type == "bytes") {
    info.datatype = Datatype::kBytes;
  } else if (const auto datatype = DatatypeOf(column.type)) {
    info.datatype = *datatype;
  }
  if (!column.shape.empty()) info.shape = column.shape;
  return info;
}

Datatype DatatypeOf(const sklearn::Labels& labels) {
  constexpr std::array<Datatype, 9> kInts = {
      {{}, Datatype::kInt8, Datatype::kInt16, {}, Datatype::kInt32, {}, {}, {}, Datatype::kInt64}};
  constexpr std::array<Datatype, 9> kUnsigned = {
      {{}, Datatype::kUint8, Datatype::kUint16, {}, Datatype::kUint32, {}, {}, {}, Datatype::kUint64}};
  if (labels.kind == 'U') return Datatype::kBytes;
  if (labels.kind == 'b') return Datatype::kBool;
  if (labels.kind == 'f') return labels.size == 4 ? Datatype::kFp32 : Datatype::kFp64;
  return (labels.kind == 'u' ? kUnsigned : kInts)[labels.size];
}

// The labels of `classes`.
void Label(const sklearn::Labels& labels, std::span<const std::uint32_t> classes, Tensor* tensor) {
  tensor->datatype = DatatypeOf(labels);
  for (const std::uint32_t place : classes) {
    if (tensor->datatype == Datatype::kBytes) {
      tensor->texts.push_back(labels.texts[place]);
    } else if (tensor->datatype == Datatype::kFp64) {
      tensor->doubles.push_back(labels.doubles[place]);
    } else if (tensor->datatype == Datatype::kFp32) {
      tensor->floats.push_back(static_cast<float>(labels.doubles[place]));
    } else {
      tensor->ints.push_back(labels.ints[place]);
    }
  }
}

// Rows of numbers, of one matrix or of columns side by side.
Result<sklearn::Rows> Gather(std::span<const Tensor* const> inputs, std::vector<double>* values) {
  const bool matrix = inputs[0]->shape.size() == 2;
  sklearn::Rows rows;
  rows.count = static_cast<std::size_t>(inputs[0]->shape[0]);
  rows.width = matrix ? static_cast<std::size_t>(inputs[0]->shape[1]) : inputs.size();
  rows.single = std::ranges::all_of(inputs, [](const Tensor* each) { return each->datatype == Datatype::kFp32; });
  if (matrix && inputs[0]->datatype == Datatype::kFp64) {
    rows.values = inputs[0]->doubles;
    return rows;
  }
  values->resize(rows.count * rows.width);
  for (std::size_t column = 0; column < inputs.size(); ++column) {
    const Tensor& tensor = *inputs[column];
    if (static_cast<std::size_t>(tensor.shape[0]) != rows.count) {
      return ValueError("All arrays must be of the same length");
    }
    if (matrix) {
      for (std::size_t i = 0; i < values->size(); ++i) (*values)[i] = tensor.Number(i);
    } else {
      for (std::size_t row = 0; row < rows.count; ++row) (*values)[row * rows.width + column] = tensor.Number(row);
    }
  }
  rows.values = *values;
  return rows;
}

}  // namespace

Result<std::unique_ptr<const SklearnModel>> SklearnModel::Load(const std::string& folder,
                                                               const std::string& estimator_path,
                                                               sklearn::Method method) {
  KEELSON_ASSIGN_OR_RETURN(const auto content, io::ReadFile(estimator_path, kMaxEstimatorBytes));
  KEELSON_ASSIGN_OR_RETURN(const auto signature, ReadMlflowSignature(folder));
  std::unique_ptr<SklearnModel> model(new SklearnModel);
  KEELSON_ASSIGN_OR_RETURN(model->model_, sklearn::ReadSavedModel(content, method));
  KEELSON_RETURN_IF_ERROR(model->TakeSignature(signature));
  return std::unique_ptr<const SklearnModel>(std::move(model));
}

Status SklearnModel::TakeSignature(const std::optional<MlflowSignature>& signature) {
  outputs_ = {TensorInfo{"predict", Datatype::kFp64, {-1}}};
  const auto features = static_cast<std::int64_t>(model_->features());
  if (!signature) {
    column_names_ = model_->feature_names();
    inputs_ = {TensorInfo{"input-0", Datatype::kFp64, {-1, -1}}};
    return {};
  }
  if (!signature->params.empty()) return Unsupported("the signature has parameters");
  if (signature->outputs.size() > 1) return Unsupported("the signature has several outputs");
  if (!signature->outputs.empty()) outputs_ = {DescribeOutput(signature->outputs[0])};
  if (!signature->tensors && !signature->named()) return Unsupported("the signature's columns have no names");
  if (signature->tensors && signature->columns.size() != 1) return Unsupported("the signature has several tensors");
  std::vector<std::string> names;
  bool single = true;
  bool floats = true;
  for (const auto& column : signature->columns) {
    const auto datatype = DatatypeOf(column.type);
    if (!datatype) return Unsupported(fmt::format("the signature has an input of type {}", column.type));
    if (!column.required) return Unsupported("the signature has an optional input");
    single = single && *datatype == Datatype::kFp32;
    floats = floats && IsFloat(*datatype);
    names.push_back(column.name);
    inputs_.push_back({column.name.empty() ? "input-0" : column.name, *datatype, {-1}});
  }
  if (signature->tensors) {
    const auto& shape = signature->columns[0].shape;
    if (shape.size() != 2 || shape[0] != -1 || (shape[1] != -1 && shape[1] != features)) {
      return Unsupported("the signature's tensor is no matrix of the estimator's features");
    }
    inputs_[0].shape = shape;
  } else if (static_cast<std::int64_t>(names.size()) != features ||
             (!model_->feature_names().empty() && names != model_->feature_names())) {
    return Unsupported("the signature's columns are not the estimator's features");
  }
  // scikit-learn keeps float32 through its transforms, and an imputer of a constant asks whole numbers for another one.
  if (single && model_->transforms()) return Unsupported("a pipeline over float32");
  if (!floats && model_->keeps_integers()) return Unsupported("an imputer of a constant over whole numbers");
  return {};
}

Result<std::vector<Tensor>> SklearnModel::Infer(std::span<const Tensor> inputs,
                                                std::span<const std::string> wanted) const {
  KEELSON_ASSIGN_OR_RETURN(const auto matched, Match(inputs));
  std::vector<double> values;
  KEELSON_ASSIGN_OR_RETURN(const auto rows, Gather(matched, &values));
  auto answer = model_->Predict(rows);
  if (!answer) return ValueError(answer.error().message);
  Tensor output;
  output.name = outputs_[0].name;
  output.shape = {static_cast<std::int64_t>(rows.count)};
  if (model_->width() > 0) output.shape.push_back(static_cast<std::int64_t>(model_->width()));
  if (model_->labels() != nullptr) {
    Label(*model_->labels(), answer->classes, &output);
  } else {
    output.datatype = Datatype::kFp64;
    output.doubles = std::move(answer->numbers);
  }
  std::vector<Tensor> chosen;
  for (const auto& name : wanted) {
    if (name != output.name) {
      return Fail(ErrorCode::kInvalidArgument, fmt::format("the model gave no output \"{}\"", name));
    }
    chosen.push_back(output);
  }
  if (wanted.empty()) chosen.push_back(std::move(output));
  return chosen;
}

}  // namespace keelson::serving
