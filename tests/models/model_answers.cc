// What our tree engine answers, for model_answers_test.py to hold against the libraries.
//
//   keelson_model_answers MODEL KIND ROWS_A_CALL < rows > answers
//
// KIND is value, margin, leaves or contributions; rows and answers are float32, as the machine has them, row-major.
// Ends with 1 and the reason when the model is refused or has no such kind of answer.
#include <fmt/core.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "io/files.h"
#include "serving/tree_model_file.h"

namespace {

using keelson::serving::PredictKind;

std::vector<float> ReadRows() {
  std::vector<float> rows;
  float buffer[4096];
  for (std::size_t got = 0; (got = std::fread(buffer, sizeof(float), std::size(buffer), stdin)) > 0;) {
    rows.insert(rows.end(), buffer, buffer + got);
  }
  return rows;
}

int Refuse(const keelson::Error& error) {
  fmt::print(stderr, "{}\n", error.ToString());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    fmt::print(stderr, "usage: keelson_model_answers MODEL KIND ROWS_A_CALL < rows > answers\n");
    return 2;
  }
  const std::string kind_name = argv[2];
  const PredictKind kind = kind_name == "value"    ? PredictKind::kValue
                           : kind_name == "margin" ? PredictKind::kMargin
                           : kind_name == "leaves" ? PredictKind::kLeaves
                                                   : PredictKind::kContributions;
  const auto content = keelson::io::ReadFile(argv[1], std::size_t{1} << 30);
  if (!content) return Refuse(content.error());
  const auto model = keelson::serving::ReadTreeModel(*content, {});
  if (!model) return Refuse(model.error());
  const auto& engine = *model->engine;
  if (const auto supported = engine.Supports(kind); !supported) return Refuse(supported.error());
  const std::vector<float> rows = ReadRows();
  const std::size_t features = engine.features();
  const std::size_t width = engine.width(kind);
  const std::size_t count = rows.size() / features;
  const auto each = static_cast<std::size_t>(std::strtoull(argv[3], nullptr, 10));
  std::vector<float> answers(count * width);
  for (std::size_t first = 0; first < count; first += each) {
    const std::size_t size = std::min(each, count - first);
    engine.Predict(std::span(rows).subspan(first * features, size * features), size, kind,
                   std::span(answers).subspan(first * width, size * width));
  }
  const bool written = std::fwrite(answers.data(), sizeof(float), answers.size(), stdout) == answers.size();
  return written && std::fflush(stdout) == 0 ? 0 : 1;
}
