#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "data/table.h"
#include "features/encoder.h"
#include "serving/evictable_model.h"
#include "serving/payload_log.h"
#include "serving/tensor_model.h"
#include "serving/tree_engine.h"

namespace keelson::serving {

struct ModelDirectory;
struct TreeModelFile;

struct ModelSource {
  std::string name;           // on the wire
  std::string version = "1";  // on the wire; decimal as a rule
  // A bare model file (XGBoost's .json or .ubj, LightGBM's .txt, .onnx: told by the content) or an MLflow model
  // directory: `MLmodel` with flavors.xgboost.data, flavors.lightgbm.data or flavors.onnx.data, and beside it, when
  // Keelson made it, `keelson.json`: {"inputs": [{"name", "type", "categories"?}...], "output": "probability"},
  // the version's own input encoder. `input_example.json` warms it up.
  std::string path = {};
  std::string content_hash = {};  // when not "": of the file (io::HashFile) or directory (io::HashTree); verified
  RoundRange rounds = {};
  // Whether a model that takes and gives tensors will do (takes_tensors()): ONNX, scikit-learn's, and what only Python
  // can answer.
  bool tensors = false;
  std::string python = {};                    // the interpreter; "": the directory's own env/bin/python, else python3
  std::shared_ptr<MemoryBudget> budget = {};  // what the model's memory counts against; it may be given up for others'
  std::string example_path = {};              // an input example; "": the directory's own, if it has one
};

// One model version, ready to predict. Immutable; safe from any thread.
class LoadedModel {
 public:
  // Reads, checks and warms up by the input example. Errors carry the path: kNotFound, kDataLoss for a wrong hash or
  // corrupt file, kUnsupported; what a model of tensors says when it cannot answer its own example.
  static Result<std::shared_ptr<const LoadedModel>> Load(const ModelSource& source);

  const std::string& name() const { return name_; }
  const std::string& version() const { return version_; }
  const std::string& platform() const {
    return platform_;
  }  // "keelson_xgboost", "keelson_lightgbm", "keelson_sklearn", "keelson_python", "onnxruntime_onnx"
  const std::string& output_name() const { return output_name_; }
  // Whether the model takes and gives named tensors (ONNX, scikit-learn, Python); else it is a tree model, with an
  // engine. Of a model of tensors only what stands here down to memory_bytes() may be asked, of the others all but
  // Infer and the tensors' descriptions.
  bool takes_tensors() const { return tensors_ != nullptr; }
  const std::vector<TensorInfo>& tensor_inputs() const { return tensors_->inputs(); }
  const std::vector<TensorInfo>& tensor_outputs() const { return tensors_->outputs(); }
  // As TensorModel::Infer.
  Result<std::vector<Tensor>> Infer(std::span<const Tensor> inputs, std::span<const std::string> wanted = {}) const {
    return tensors_->Infer(inputs, wanted);
  }
  // As TensorModel's.
  bool scores() const { return tensors_ != nullptr && tensors_->scores(); }
  Result<ScoredText> Score(std::string_view content_type, std::string_view body) const {
    return tensors_->Score(content_type, body);
  }
  bool is_pyfunc() const { return tensors_ != nullptr && tensors_->is_pyfunc(); }         // as TensorModel's
  std::span<const std::string> column_names() const { return tensors_->column_names(); }  // as TensorModel's
  // Whether a prediction waits for another process, so that it must not be asked for on a thread that others wait for.
  bool waits() const { return tensors_ != nullptr && tensors_->waits(); }
  // Whether a prediction can begin at once; else a budget has taken the model away, and Hold or Infer loads it first.
  bool resident() const {
    return tensors_ != nullptr ? tensors_->resident() : evictable_ == nullptr || evictable_->resident();
  }
  bool Suspects(std::span<const Tensor> inputs) const { return tensors_->Suspects(inputs); }  // as TensorModel's
  // Brings back what a budget took away, and keeps it while the result lives: to be held over Predict. Null without a
  // budget, and for tensors, for Infer holds them itself. Errors are those of Load, and kDataLoss when the file is not
  // the one any more.
  Result<std::shared_ptr<const void>> Hold() const;
  std::size_t memory_bytes() const { return tensors_ ? tensors_->memory_bytes() : engine_->memory_bytes(); }

  const TreeEngine& engine() const { return *engine_; }
  std::uint32_t features() const { return engine_->features(); }
  std::uint32_t outputs() const { return engine_->width(PredictKind::kValue); }  // values a row
  // The inputs as named columns, when the version has an encoder: a request may then give one tensor a column. Always
  // accepted: one FP32 tensor [-1, features()] of encoded numbers.
  const features::InputEncoder* encoder() const { return encoder_ ? &*encoder_ : nullptr; }
  bool takes_numbers_only() const {
    return numbers_only_;
  }  // no input is a text, and the payload log's are the numbers
  // The names of the numbers: the encoder's, else the model's own, else "f0", "f1", ...
  const std::vector<std::string>& feature_names() const { return feature_names_; }

  // Numbers of `rows` rows, row-major, for `table` with a column for each of the encoder's inputs.
  Result<std::vector<float>> Encode(const data::Table& table) const;
  // rows x engine().width(kind), for a kind that engine().Supports.
  std::vector<float> Predict(std::span<const float> numbers, std::size_t rows,
                             PredictKind kind = PredictKind::kValue) const;

  // What the payload log of this version holds: the encoder's inputs as asked (kDouble or kString), or the numbers; of
  // a model of tensors the tensors.
  PayloadSchema payload_schema() const;

 private:
  LoadedModel() = default;
  Status WarmUp(const std::string& example_path) const;
  Status TakeEngine(TreeModelFile model, ModelDirectory* directory, const std::string& path);
  Status Open(const ModelSource& source, ModelDirectory* directory);
  Status PutUnder(const ModelSource& source, const ModelDirectory& directory);

  std::string name_;
  std::string version_;
  std::string platform_;
  std::string output_name_ = "predict";
  std::unique_ptr<const TreeEngine> engine_;
  std::unique_ptr<const TensorModel> tensors_;  // one of the two
  const EvictableEngine* evictable_ = nullptr;  // engine_, when it is under a budget
  std::optional<features::InputEncoder> encoder_;
  bool numbers_only_ = true;
  std::vector<std::string> feature_names_;
};

}  // namespace keelson::serving
