#pragma once

#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string_view>
#include <vector>

#include "serving/tree_engine.h"

namespace keelson::serving {

// What the fuzz targets of the tree models' formats ask of a reader: it refuses the bytes with a place, or gives a
// model whose engine, when it can be built, answers a row of missing values and a row of zeros in every kind that it
// supports.
template <typename Reader>
void FuzzTreeModel(const Reader& read, const std::uint8_t* bytes, std::size_t size) {
  const auto model = read(std::string_view(reinterpret_cast<const char*>(bytes), size));
  if (!model.has_value()) {
    if (model.error().where.empty()) std::abort();
    return;
  }
  if (model->features > 4096 || model->outputs > 256) return;  // rows that a fuzzer has no time for
  const auto engine = TreeEngine::Build(*model);
  if (!engine.has_value()) return;
  std::vector<float> rows(std::size_t{2} * model->features, 0.0f);
  for (std::size_t i = 0; i < model->features; ++i) rows[i] = std::numeric_limits<float>::quiet_NaN();
  for (const auto kind :
       {PredictKind::kValue, PredictKind::kMargin, PredictKind::kLeaves, PredictKind::kContributions}) {
    if (!(*engine)->Supports(kind)) continue;
    std::vector<float> out(std::size_t{2} * (*engine)->width(kind));
    (*engine)->Predict(rows, 2, kind, out);
  }
}

}  // namespace keelson::serving
