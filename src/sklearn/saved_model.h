#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "sklearn/fitted_model.h"

namespace keelson::sklearn {

// Reads a saved estimator, a pickle or skops' zip file, without running anything of it. Errors are those of the
// format's reader and of FittedModel::Build.
Result<std::unique_ptr<const FittedModel>> ReadSavedModel(std::string_view content, Method method);

}  // namespace keelson::sklearn
