#include "serving/tensor_model.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/strings.h"

namespace keelson::serving {
namespace {

std::vector<std::string> Names(const std::vector<TensorInfo>& infos) {
  std::vector<std::string> names;
  for (const auto& info : infos) names.push_back(info.name);
  return names;
}

Result<std::size_t> Place(const std::vector<TensorInfo>& infos, const std::string& name, std::string_view what) {
  const auto found = std::find_if(infos.begin(), infos.end(), [&](const auto& info) { return info.name == name; });
  if (found != infos.end()) return static_cast<std::size_t>(found - infos.begin());
  const auto names = Names(infos);
  const auto near = DidYouMean(name, names);
  return Fail(ErrorCode::kInvalidArgument,
              near ? fmt::format("unknown {} \"{}\"; did you mean \"{}\"?", what, name, *near)
                   : fmt::format("unknown {} \"{}\"; expected: {}", what, name, fmt::join(names, ", ")));
}

bool ShapeFits(const std::vector<std::int64_t>& shape, const std::vector<std::int64_t>& expected) {
  return expected.empty() ||
         std::equal(shape.begin(), shape.end(), expected.begin(), expected.end(),
                    [](std::int64_t length, std::int64_t wanted) { return wanted < 0 || length == wanted; });
}

}  // namespace

Result<ScoredText> TensorModel::Score(std::string_view content_type, std::string_view body) const {
  (void)content_type, (void)body;
  return Fail(ErrorCode::kUnsupported, "the model has no MLflow that reads requests: ask it through /v2");
}

Result<std::vector<const Tensor*>> TensorModel::Match(std::span<const Tensor> inputs) const {
  std::vector<const Tensor*> matched(inputs_.size(), nullptr);
  for (const Tensor& tensor : inputs) {
    KEELSON_ASSIGN_OR_RETURN(const auto place, Place(inputs_, tensor.name, "input"));
    const TensorInfo& info = inputs_[place];
    if (matched[place] != nullptr) {
      return Fail(ErrorCode::kInvalidArgument, fmt::format("input \"{}\" stands twice in the request", tensor.name));
    }
    if (tensor.datatype != info.datatype || !ShapeFits(tensor.shape, info.shape)) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("input \"{}\" is {} {}, expected {} {}", tensor.name, DatatypeName(tensor.datatype),
                              tensor.ShapeText(), DatatypeName(info.datatype), ShapeText(info.shape)));
    }
    matched[place] = &tensor;
  }
  for (std::size_t i = 0; i < matched.size(); ++i) {
    if (matched[i] != nullptr || inputs_[i].optional) continue;
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("input \"{}\" is missing; expected: {}", inputs_[i].name, fmt::join(Names(inputs_), ", ")));
  }
  return matched;
}

Result<std::vector<std::size_t>> TensorModel::MatchOutputs(std::span<const std::string> wanted) const {
  std::vector<std::size_t> places;
  for (const auto& name : wanted) {
    KEELSON_ASSIGN_OR_RETURN(const auto place, Place(outputs_, name, "output"));
    places.push_back(place);
  }
  for (std::size_t i = 0; wanted.empty() && i < outputs_.size(); ++i) places.push_back(i);
  return places;
}

}  // namespace keelson::serving
