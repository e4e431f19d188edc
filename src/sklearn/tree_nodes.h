#pragma once

#include "base/result.h"
#include "sklearn/attributes.h"
#include "sklearn/forest.h"

namespace keelson::sklearn {

// The tree of a fitted DecisionTree or ExtraTree, whose leaves have `width` values each.
Result<TreeNodes> ReadTree(const Attributes& estimator, std::size_t width);
// The tree of a TreePredictor of HistGradientBoosting: one value a leaf. kUnsupported for one that splits by
// categories.
Result<TreeNodes> ReadHistTree(const Attributes& predictor);

}  // namespace keelson::sklearn
