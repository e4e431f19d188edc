// Any body of an inference request, sent to a replica of a small model with an encoder; the first byte is the length of
// its JSON (0: all of it). The answer is 200, with one value for each row asked, or 400, and is JSON; what the payload
// log would keep has as many rows.
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "io/files.h"
#include "io/temp_folder.h"
#include "wire/inference/model_inputs.h"
#include "wire/inference/replica_handler.h"

namespace {

using namespace keelson;
using namespace keelson::wire::inference;

// A split of "a", whose left child is a split of the categories of "b".
constexpr std::string_view kModel =
    "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx=1\n"
    "objective=binary sigmoid:1\nfeature_names=a b\nfeature_infos=[0:1] 0:1:2\ntree_sizes=400\n\n"
    "Tree=0\nnum_leaves=3\nnum_cat=1\nsplit_feature=0 1\nsplit_gain=1 2\nthreshold=0.5 0\ndecision_type=10 1\n"
    "left_child=1 -1\nright_child=-2 -3\nleaf_value=1 -2.5 3\nleaf_weight=1 1 1\nleaf_count=5 6 7\n"
    "internal_value=0 0\ninternal_weight=0 0\ninternal_count=18 12\ncat_boundaries=0 1\ncat_threshold=6\n"
    "is_linear=0\nshrinkage=1\n\n\nend of trees\n\nparameters:\n[boosting: gbdt]\nend of parameters\n";
constexpr std::string_view kInputs =
    R"({"inputs":[{"name":"a","type":"double"},{"name":"b","type":"string","categories":["x","y","z"]}],"output":"p"})";

std::shared_ptr<const serving::LoadedModel> Model() {
  static const io::TempFolder folder = io::TempFolder::Make().value();
  if (!io::WriteFileAtomically(folder.File("MLmodel"), "flavors: {lightgbm: {data: model.txt}}\n") ||
      !io::WriteFileAtomically(folder.File("model.txt"), kModel) ||
      !io::WriteFileAtomically(folder.File("keelson.json"), kInputs)) {
    std::abort();
  }
  return serving::LoadedModel::Load({.name = "m", .path = folder.path()}).value();
}

ReplicaHandler MakeHandler(const std::shared_ptr<const serving::LoadedModel>& model, const Clock& clock) {
  ReplicaHandler::Options options;
  options.limits.elements = 1 << 12;
  options.limits.inputs = 16;
  std::vector<ReplicaHandler::Served> served(1);
  served[0].model = model;
  return {std::move(served), clock, std::move(options)};
}

void CheckColumns(const serving::LoadedModel& model, std::vector<Tensor> tensors, std::size_t rows) {
  const auto inputs = TakeModelInputs(model, tensors, /*keep_columns=*/true);
  if (!inputs.has_value() || inputs->rows != rows || inputs->numbers.size() != rows * 2) std::abort();
  if (inputs->columns.size() != 2) std::abort();
  for (const auto& column : inputs->columns) {
    const std::size_t cells = column.type == data::ColumnType::kString ? column.strings.size() : column.doubles.size();
    if (cells != rows || column.valid.size() != rows) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto model = Model();
  static ManualClock clock{InstantFromMicros(0)};
  static ReplicaHandler handler = MakeHandler(model, clock);
  if (size == 0) return 0;
  io::HttpRequest request;
  request.method = "POST";
  request.path = "/v2/models/m/infer";
  request.body.assign(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string length = data[0] == 0 ? "" : std::to_string(data[0]);
  if (!length.empty()) request.headers.emplace_back("inference-header-content-length", length);
  const auto response = handler.Answer(request);
  if (response.status != 200 && response.status != 400) std::abort();

  const auto json_length = io::FindHeader(response.headers, "inference-header-content-length");
  const std::size_t end = json_length.empty() ? response.body.size() : std::stoul(std::string(json_length));
  if (end > response.body.size()) std::abort();
  const auto json = nlohmann::json::parse(response.body.substr(0, end), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || json.contains("error") != (response.status == 400)) std::abort();
  if (response.status == 400) return 0;

  const auto asked = ParseInferRequest(request.body, ParseJsonLength(length, request.body.size()).value(), {});
  if (!asked.has_value() || json.at("outputs").size() > 1) std::abort();
  if (asked->predict != "value" || json.at("outputs").empty()) return 0;
  const auto& output = json.at("outputs")[0];
  const auto rows = output.at("shape").at(0).get<std::size_t>();
  if (json_length.empty() ? output.at("data").size() != rows : response.body.size() != end + 4 * rows) std::abort();
  CheckColumns(*model, asked->inputs, rows);
  return 0;
}
