#pragma once

#include <array>
#include <memory>

#include "serving/memory_budget.h"
#include "serving/tensor_model.h"
#include "serving/tree_engine.h"

namespace keelson::serving {

// A tree engine under a memory budget: what describes it stays, the trees may be given up and are loaded again. Predict
// is to be called while the result of Hold lives; without, it is a NaN for every value when the trees cannot be loaded.
class EvictableEngine final : public TreeEngine {
 public:
  EvictableEngine(std::unique_ptr<const TreeEngine> engine, Evictable<TreeEngine>::Loader loader,
                  std::shared_ptr<MemoryBudget> budget);

  Result<std::shared_ptr<const TreeEngine>> Hold() const { return engine_.Hold(); }
  bool resident() const { return engine_.resident(); }

  std::uint32_t width(PredictKind kind) const override { return widths_[static_cast<std::size_t>(kind)]; }
  Status Supports(PredictKind kind) const override { return supports_[static_cast<std::size_t>(kind)]; }
  void Predict(std::span<const float> rows, std::size_t count, PredictKind kind, std::span<float> out) const override;
  void PredictLeaves(const float* row, std::span<std::int32_t> out) const override;
  std::size_t trees() const override { return trees_; }
  std::size_t memory_bytes() const override { return memory_bytes_; }

 private:
  std::array<std::uint32_t, 4> widths_{};
  std::array<Status, 4> supports_;
  std::size_t trees_;
  std::size_t memory_bytes_;
  mutable Evictable<TreeEngine> engine_;
};

// The same of a model of tensors.
class EvictableTensors final : public TensorModel {
 public:
  EvictableTensors(std::unique_ptr<const TensorModel> model, Evictable<TensorModel>::Loader loader,
                   std::shared_ptr<MemoryBudget> budget);

  Result<std::vector<Tensor>> Infer(std::span<const Tensor> inputs, std::span<const std::string> wanted) const override;
  bool scores() const override { return scores_; }
  Result<ScoredText> Score(std::string_view content_type, std::string_view body) const override;
  bool is_pyfunc() const override { return is_pyfunc_; }
  bool waits() const override { return waits_; }
  bool resident() const override { return model_.resident(); }
  bool Suspects(std::span<const Tensor> inputs) const override;
  std::size_t memory_bytes() const override { return memory_bytes_; }

 private:
  bool waits_;
  bool scores_;
  bool is_pyfunc_;
  std::size_t memory_bytes_;
  mutable Evictable<TensorModel> model_;
};

}  // namespace keelson::serving
