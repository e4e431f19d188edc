// libFuzzer target: any bytes as a pickle or skops' zip file of a fitted estimator. Refused, or a model that answers
// rows of zeros, ones and missing values, or refuses those.
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string_view>
#include <vector>

#include "sklearn/saved_model.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace keelson;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const auto method : {sklearn::Method::kPredict, sklearn::Method::kPredictProba}) {
    const auto read = sklearn::ReadSavedModel(bytes, method);
    if (!read.has_value()) {
      if (read.error().message.empty()) std::abort();
      continue;
    }
    const auto& model = **read;
    if (model.features() > 4096 || model.width() > 4096) continue;  // rows that a fuzzer has no time for
    std::vector<double> rows;
    for (const double value : {0.0, 1.0, std::numeric_limits<double>::quiet_NaN()}) {
      rows.insert(rows.end(), model.features(), value);
    }
    for (const std::size_t count : {std::size_t{2}, std::size_t{3}}) {
      const auto answer = model.Predict({std::span(rows).first(count * model.features()), count, model.features()});
      if (!answer.has_value()) continue;
      const bool labels = model.labels() != nullptr;
      if (labels ? answer->classes.size() != count
                 : answer->numbers.size() != count * std::max<std::size_t>(model.width(), 1)) {
        std::abort();
      }
      for (const auto place : answer->classes) {
        if (place >= model.labels()->count()) std::abort();
      }
    }
  }
  return 0;
}
