#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "serving/mlflow_signature.h"
#include "serving/tensor_model.h"
#include "sklearn/saved_model.h"

namespace keelson::serving {

// A model that mlflow.sklearn saved, of those that are computed natively (sklearn/fitted_model.h): the inputs, outputs,
// answers and errors are those of the pool of Python workers for the same directory (PythonModel), without a process.
class SklearnModel final : public TensorModel {
 public:
  // `folder` is MLflow's, `estimator_path` the saved estimator in it. kUnsupported with the reason when the estimator
  // is none of ours, or when the signature has what only MLflow itself knows to convert; then Python has to answer.
  static Result<std::unique_ptr<const SklearnModel>> Load(const std::string& folder, const std::string& estimator_path,
                                                          sklearn::Method method);

  // kInvalidArgument is scikit-learn's own ValueError.
  Result<std::vector<Tensor>> Infer(std::span<const Tensor> inputs, std::span<const std::string> wanted) const override;
  bool is_pyfunc() const override { return true; }
  std::size_t memory_bytes() const override { return model_->memory_bytes(); }

 private:
  SklearnModel() = default;
  Status TakeSignature(const std::optional<MlflowSignature>& signature);

  std::unique_ptr<const sklearn::FittedModel> model_;
};

}  // namespace keelson::serving
