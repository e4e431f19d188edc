// What our tree engine answers, for model_answers_test.py to hold against the libraries.
//
//   keelson_model_answers MODEL KIND ROWS_A_CALL < rows > answers
//   keelson_model_answers MODEL tensors NAME:DATATYPE:1,2 ... < contents > answers
//
// KIND is value, margin, leaves or contributions; rows and answers are float32, as the machine has them, row-major.
// Of a model of tensors, every input is named with its datatype and shape ("" for none); contents are those of the
// binary tensor data extension, each after its length in 64 bits. The answer is, for each output, a line of its name,
// datatype, shape and number of bytes, and its contents. Ends with 1 and the reason when the model is refused or has no
// such kind of answer.
#include <fmt/core.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "io/files.h"
#include "serving/model.h"
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

// NAME:DATATYPE:SHAPE and, from `contents`, what is in it.
keelson::Result<keelson::serving::Tensor> ReadTensor(const std::string& text, std::string_view* contents) {
  const auto second = text.rfind(':');
  const auto first = text.rfind(':', second - 1);
  keelson::serving::Tensor tensor;
  tensor.name = text.substr(0, first);
  tensor.datatype = keelson::serving::ParseDatatype(text.substr(first + 1, second - first - 1)).value();
  std::istringstream shape(text.substr(second + 1));
  for (std::string length; std::getline(shape, length, ',');) tensor.shape.push_back(std::stoll(length));
  std::uint64_t bytes = 0;
  std::memcpy(&bytes, contents->substr(0, sizeof(bytes)).data(), sizeof(bytes));
  KEELSON_RETURN_IF_ERROR(keelson::serving::ReadBinary(contents->substr(sizeof(bytes), bytes), &tensor));
  contents->remove_prefix(sizeof(bytes) + bytes);
  return tensor;
}

int AnswerTensors(const std::string& path, const std::vector<std::string>& described) {
  keelson::serving::ModelSource source;
  source.name = "model";
  source.path = path;
  source.tensors = true;
  if (const char* python = std::getenv("KEELSON_MODEL_PYTHON")) source.python = python;
  const auto model = keelson::serving::LoadedModel::Load(source);
  if (!model) return Refuse(model.error());
  const std::string all{std::istreambuf_iterator<char>(std::cin), {}};
  std::string_view contents = all;
  std::vector<keelson::serving::Tensor> inputs;
  for (const auto& text : described) {
    auto tensor = ReadTensor(text, &contents);
    if (!tensor) return Refuse(tensor.error());
    inputs.push_back(std::move(*tensor));
  }
  const auto answers = (*model)->Infer(inputs);
  if (!answers) return Refuse(answers.error());
  for (const auto& tensor : *answers) {
    std::string bytes;
    WriteBinary(tensor, &bytes);
    std::cout << fmt::format("{}\t{}\t{}\t{}\n", tensor.name, DatatypeName(tensor.datatype), tensor.ShapeText(),
                             bytes.size())
              << bytes;
  }
  return std::cout.flush() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc >= 3 && std::string_view(argv[2]) == "tensors") return AnswerTensors(argv[1], {argv + 3, argv + argc});
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
