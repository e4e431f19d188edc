#include "serving/evictable_model.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/log.h"

namespace keelson::serving {

EvictableEngine::EvictableEngine(std::unique_ptr<const TreeEngine> engine, Evictable<TreeEngine>::Loader loader,
                                 std::shared_ptr<MemoryBudget> budget)
    : TreeEngine(engine->features()),
      trees_(engine->trees()),
      memory_bytes_(engine->memory_bytes()),
      engine_(
          [&] {
            for (std::size_t i = 0; i < widths_.size(); ++i) {
              const auto kind = static_cast<PredictKind>(i);
              supports_[i] = engine->Supports(kind);
              widths_[i] = engine->width(kind);
            }
            return std::shared_ptr<const TreeEngine>(std::move(engine));
          }(),
          std::move(loader), std::move(budget)) {}

void EvictableEngine::Predict(std::span<const float> rows, std::size_t count, PredictKind kind,
                              std::span<float> out) const {
  const auto engine = Hold();
  if (engine) return (*engine)->Predict(rows, count, kind, out);
  LogError("a model that was not held could not be loaded again", {{"error", engine.error().ToString()}});
  std::fill(out.begin(), out.end(), std::numeric_limits<float>::quiet_NaN());
}

void EvictableEngine::PredictLeaves(const float* row, std::span<std::int32_t> out) const {
  if (const auto engine = Hold()) (*engine)->PredictLeaves(row, out);
}

EvictableTensors::EvictableTensors(std::unique_ptr<const TensorModel> model, Evictable<TensorModel>::Loader loader,
                                   std::shared_ptr<MemoryBudget> budget)
    : waits_(model->waits()),
      scores_(model->scores()),
      is_pyfunc_(model->is_pyfunc()),
      memory_bytes_(model->memory_bytes()),
      model_(
          [&] {
            inputs_ = model->inputs();
            outputs_ = model->outputs();
            column_names_.assign(model->column_names().begin(), model->column_names().end());
            return std::shared_ptr<const TensorModel>(std::move(model));
          }(),
          std::move(loader), std::move(budget)) {}

Result<std::vector<Tensor>> EvictableTensors::Infer(std::span<const Tensor> inputs,
                                                    std::span<const std::string> wanted) const {
  KEELSON_ASSIGN_OR_RETURN(const auto model, model_.Hold());
  return model->Infer(inputs, wanted);
}

Result<ScoredText> EvictableTensors::Score(std::string_view content_type, std::string_view body) const {
  KEELSON_ASSIGN_OR_RETURN(const auto model, model_.Hold());
  return model->Score(content_type, body);
}

bool EvictableTensors::Suspects(std::span<const Tensor> inputs) const {
  const auto model = model_.Hold();
  return !model || (*model)->Suspects(inputs);
}

}  // namespace keelson::serving
