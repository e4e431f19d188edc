#include "serving/model.h"

#include <fmt/core.h>
#include <sys/stat.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "io/files.h"
#include "serving/input_example.h"
#include "serving/model_directory.h"
#include "serving/onnx_model.h"
#include "serving/python_model.h"
#include "serving/sklearn_model.h"
#include "serving/tree_model_file.h"

namespace keelson::serving {
namespace {

constexpr std::size_t kMaxModelBytes = std::size_t{4} << 30;
constexpr std::size_t kMaxExampleBytes = std::size_t{16} << 20;

bool IsFolder(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

data::ColumnType WireType(data::ColumnType type) {
  return type == data::ColumnType::kString ? data::ColumnType::kString : data::ColumnType::kDouble;
}

void AppendCell(const nlohmann::json* cell, data::Column* column) {
  const bool text = column->type == data::ColumnType::kString;
  const bool valid = cell != nullptr && (text ? cell->is_string() : cell->is_number() || cell->is_boolean());
  column->valid.push_back(valid ? 1 : 0);
  if (text) {
    column->strings.push_back(valid ? cell->get<std::string>() : "");
  } else {
    column->doubles.push_back(!valid               ? 0.0
                              : cell->is_boolean() ? (cell->get<bool>() ? 1.0 : 0.0)
                                                   : cell->get<double>());
  }
}

// An MLflow input example in the "split" form, {"columns": [...], "data": [[...], ...]}, as the columns of `schema`;
// what it does not give is null.
data::Table ExampleTable(const nlohmann::json& example, const data::Schema& schema) {
  data::Table table(schema);
  const auto columns = example.find("columns");
  const auto rows = example.find("data");
  if (columns == example.end() || rows == example.end() || !columns->is_array() || !rows->is_array()) return table;
  for (auto& column : table.columns()) {
    std::size_t place = columns->size();
    for (std::size_t i = 0; i < columns->size(); ++i) {
      if ((*columns)[i] == column.name) place = i;
    }
    for (const auto& row : *rows) AppendCell(row.is_array() && place < row.size() ? &row[place] : nullptr, &column);
  }
  return table;
}

Result<std::unique_ptr<const PythonModel>> StartPython(const std::string& python, const std::string& folder) {
  PythonOptions options;
  const std::string own = folder + "/env/bin/python";
  if (!python.empty()) {
    options.python = python;
  } else if (io::Exists(own)) {
    options.python = own;
  }
  return PythonModel::Start(std::move(options), folder);
}

// A model of an MLflow directory without a flavor that is a file of ours: scikit-learn's natively where that can be,
// else by Python.
struct Pyfunc {
  std::unique_ptr<const TensorModel> model;
  const char* platform = "keelson_python";
};

Result<Pyfunc> OpenPyfuncOf(const ModelSource& source, const ModelDirectory& directory) {
  Pyfunc opened;
  if (!directory.estimator_path.empty()) {
    auto native =
        SklearnModel::Load(directory.model_path, directory.estimator_path,
                           directory.probabilities ? sklearn::Method::kPredictProba : sklearn::Method::kPredict);
    if (native) {
      opened.model = std::move(*native);
      opened.platform = "keelson_sklearn";
      return opened;
    }
    LogInfo("a scikit-learn model is answered by Python", {{"model", source.name}, {"why", native.error().ToString()}});
  }
  KEELSON_ASSIGN_OR_RETURN(opened.model, StartPython(source.python, directory.model_path));
  return opened;
}

Result<TreeModelFile> ReadTree(std::string_view content, const std::string& path, RoundRange rounds) {
  auto model = ReadTreeModel(content, rounds);
  if (!model) {
    return Fail(model.error().code, model.error().message, fmt::format("{}: {}", path, model.error().where));
  }
  return model;
}

}  // namespace

Result<std::shared_ptr<const LoadedModel>> LoadedModel::Load(const ModelSource& source) {
  const bool folder = IsFolder(source.path);
  if (!source.content_hash.empty()) {
    KEELSON_ASSIGN_OR_RETURN(const auto hash, folder ? io::HashTree(source.path) : io::HashFile(source.path));
    if (hash != source.content_hash) {
      return Fail(
          ErrorCode::kDataLoss,
          fmt::format("the content hash is {}, registered was {}: the model was changed", hash, source.content_hash),
          source.path);
    }
  }
  ModelDirectory directory;
  directory.model_path = source.path;
  if (folder) {
    KEELSON_ASSIGN_OR_RETURN(directory, ReadModelDirectory(source.path));
  }
  if (!source.example_path.empty()) directory.example_path = source.example_path;
  std::shared_ptr<LoadedModel> loaded(new LoadedModel);
  loaded->name_ = source.name;
  loaded->version_ = source.version;
  KEELSON_RETURN_IF_ERROR(loaded->Open(source, &directory));
  KEELSON_RETURN_IF_ERROR(loaded->WarmUp(directory.example_path));
  return std::shared_ptr<const LoadedModel>(std::move(loaded));
}

Status LoadedModel::Open(const ModelSource& source, ModelDirectory* directory) {
  const std::string& path = directory->model_path;
  const auto take = [&](std::unique_ptr<const TensorModel> model, const char* platform) -> Status {
    tensors_ = std::move(model);
    platform_ = platform;
    return source.budget != nullptr ? PutUnder(source, *directory) : Status{};
  };
  const auto refuse_tensors = [&]() -> Status {
    if (source.tensors) return {};
    return Fail(ErrorCode::kUnsupported, "the model takes named tensors, not rows of numbers", path);
  };
  if (directory->python) {
    KEELSON_RETURN_IF_ERROR(refuse_tensors());
    KEELSON_ASSIGN_OR_RETURN(auto opened, OpenPyfuncOf(source, *directory));
    return take(std::move(opened.model), opened.platform);
  }
  std::string content;
  if (!path.ends_with(".onnx")) {
    KEELSON_ASSIGN_OR_RETURN(content, io::ReadFile(path, kMaxModelBytes));
  }
  if (path.ends_with(".onnx") || LooksLikeOnnx(content)) {
    KEELSON_RETURN_IF_ERROR(refuse_tensors());
    KEELSON_ASSIGN_OR_RETURN(auto opened, OnnxModel::Load(path));
    return take(std::move(opened), "onnxruntime_onnx");
  }
  KEELSON_ASSIGN_OR_RETURN(auto model, ReadTree(content, path, source.rounds));
  KEELSON_RETURN_IF_ERROR(TakeEngine(std::move(model), directory, source.path));
  return source.budget != nullptr ? PutUnder(source, *directory) : Status{};
}

// What was loaded may go, and comes back from the same bytes.
Status LoadedModel::PutUnder(const ModelSource& source, const ModelDirectory& directory) {
  const std::string path = directory.model_path;
  const auto hash_of = [path, folder = directory.python] { return folder ? io::HashTree(path) : io::HashFile(path); };
  KEELSON_ASSIGN_OR_RETURN(const auto hash, hash_of());
  const auto same = [path, hash, hash_of]() -> Status {
    KEELSON_ASSIGN_OR_RETURN(const auto now, hash_of());
    if (now != hash) return Fail(ErrorCode::kDataLoss, "the file was changed since the model was loaded", path);
    return {};
  };
  if (takes_tensors()) {
    tensors_ = std::make_unique<EvictableTensors>(
        std::move(tensors_),
        [path, same, source, directory]() -> Result<std::unique_ptr<const TensorModel>> {
          KEELSON_RETURN_IF_ERROR(same());
          if (!directory.python) return OnnxModel::Load(path);
          KEELSON_ASSIGN_OR_RETURN(auto opened, OpenPyfuncOf(source, directory));
          return std::move(opened.model);
        },
        source.budget);
    return {};
  }
  auto engine = std::make_unique<EvictableEngine>(
      std::move(engine_),
      [path, same, rounds = source.rounds]() -> Result<std::unique_ptr<const TreeEngine>> {
        KEELSON_RETURN_IF_ERROR(same());
        KEELSON_ASSIGN_OR_RETURN(const auto content, io::ReadFile(path, kMaxModelBytes));
        KEELSON_ASSIGN_OR_RETURN(auto model, ReadTree(content, path, rounds));
        return std::move(model.engine);
      },
      source.budget);
  evictable_ = engine.get();
  engine_ = std::move(engine);
  return {};
}

Result<std::shared_ptr<const void>> LoadedModel::Hold() const {
  if (evictable_ == nullptr) return nullptr;
  return evictable_->Hold();
}

Status LoadedModel::TakeEngine(TreeModelFile model, ModelDirectory* directory, const std::string& path) {
  if (directory->output_name) output_name_ = *directory->output_name;
  engine_ = std::move(model.engine);
  platform_ = std::move(model.platform);
  encoder_ = std::move(directory->encoder);
  if (encoder_) {
    if (encoder_->width() != features()) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("keelson.json has {} inputs, the model {} features", encoder_->width(), features()),
                  path);
    }
    for (const auto& input : encoder_->inputs()) {
      feature_names_.push_back(input.name);
      if (WireType(input.type) == data::ColumnType::kString) numbers_only_ = false;
    }
  } else if (!model.feature_names.empty()) {
    feature_names_ = std::move(model.feature_names);
  } else {
    for (std::uint32_t i = 0; i < features(); ++i) feature_names_.push_back(fmt::format("f{}", i));
  }
  return {};
}

Status LoadedModel::WarmUp(const std::string& example_path) const {
  if (engine_ != nullptr) Predict(std::vector<float>(features(), std::numeric_limits<float>::quiet_NaN()), 1);
  if (example_path.empty()) return {};
  const auto unused = [&](const Error& error) {
    LogWarning("the input example could not be used to warm up", {{"model", name_}, {"error", error.ToString()}});
    return Status{};
  };
  const auto text = io::ReadFile(example_path, kMaxExampleBytes);
  if (!text) return unused(text.error());
  if (takes_tensors()) {
    const auto inputs = ExampleTensors(*text, tensor_inputs());
    if (!inputs) return unused(inputs.error());
    if (auto answer = Infer(*inputs); !answer) {
      return Fail(answer.error().code,
                  fmt::format("the model cannot answer its own input example: {}", answer.error().message),
                  example_path);
    }
    return {};
  }
  if (encoder() == nullptr) {
    const TensorInfo matrix{"input-0", Datatype::kFp32, {-1, features()}};
    const auto inputs = ExampleTensors(*text, {&matrix, 1});
    if (!inputs) return unused(inputs.error());
    Predict(inputs->front().floats, static_cast<std::size_t>(inputs->front().shape[0]));
    return {};
  }
  const auto example = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!example.is_object()) return unused({ErrorCode::kInvalidArgument, "not a JSON object", example_path});
  const data::Table table = ExampleTable(example, payload_schema().inputs);
  if (table.rows() == 0) {
    return unused({ErrorCode::kInvalidArgument, "no \"columns\" and \"data\" with rows", example_path});
  }
  const auto numbers = Encode(table);
  if (!numbers) return unused(numbers.error());
  Predict(*numbers, table.rows());
  return {};
}

Result<std::vector<float>> LoadedModel::Encode(const data::Table& table) const {
  if (!encoder_) return Fail(ErrorCode::kFailedPrecondition, "the model has no input encoder", name_);
  return encoder_->Encode(table);
}

std::vector<float> LoadedModel::Predict(std::span<const float> numbers, std::size_t rows, PredictKind kind) const {
  std::vector<float> values(rows * engine_->width(kind));
  engine_->Predict(numbers, rows, kind, values);
  return values;
}

PayloadSchema LoadedModel::payload_schema() const {
  PayloadSchema schema;
  schema.model = name_;
  schema.version = version_;
  schema.tensors = takes_tensors();
  if (schema.tensors) return schema;
  for (std::size_t i = 0; i < feature_names_.size(); ++i) {
    schema.inputs.push_back(
        {feature_names_[i], encoder_ ? WireType(encoder_->inputs()[i].type) : data::ColumnType::kDouble});
  }
  if (outputs() == 1) {
    schema.outputs = {output_name_};
  } else {
    for (std::uint32_t i = 0; i < outputs(); ++i) schema.outputs.push_back(fmt::format("{}[{}]", output_name_, i));
  }
  return schema;
}

}  // namespace keelson::serving
