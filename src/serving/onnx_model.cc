#include "serving/onnx_model.h"

#include <fmt/format.h>

#include <filesystem>
#include <utility>

#include "serving/onnx_value.h"

namespace keelson::serving {
namespace {

constexpr std::size_t kOverhead = std::size_t{256} << 10;

struct ReleaseOptions {
  const OnnxApi& api;
  void operator()(OnnxApi::OrtSessionOptions* options) const { api.ReleaseSessionOptions(options); }
};

}  // namespace

bool LooksLikeOnnx(std::string_view content) {
  return !content.empty() && content.front() == '\x08';
}

Result<std::unique_ptr<const OnnxModel>> OnnxModel::Load(const std::string& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  if (error) return Fail(ErrorCode::kNotFound, error.message(), path);
  KEELSON_ASSIGN_OR_RETURN(const OnnxRuntime* const runtime, OpenOnnxRuntime());
  const OnnxApi& api = runtime->api;
  const auto check = [&](OnnxApi::OrtStatus* status) -> Status {
    auto checked = api.Check(status, ErrorCode::kDataLoss);
    if (!checked) checked.error().where = path;
    return checked;
  };
  OnnxApi::OrtSessionOptions* made = nullptr;
  KEELSON_RETURN_IF_ERROR(check(api.CreateSessionOptions(&made)));
  const std::unique_ptr<OnnxApi::OrtSessionOptions, ReleaseOptions> options(made, ReleaseOptions{api});
  // One thread a request, and memory that goes back: neither arena nor a pattern for every batch size ever seen.
  KEELSON_RETURN_IF_ERROR(check(api.SetIntraOpNumThreads(options.get(), 1)));
  KEELSON_RETURN_IF_ERROR(check(api.SetInterOpNumThreads(options.get(), 1)));
  KEELSON_RETURN_IF_ERROR(check(api.DisableCpuMemArena(options.get())));
  KEELSON_RETURN_IF_ERROR(check(api.DisableMemPattern(options.get())));
  std::unique_ptr<OnnxModel> model(new OnnxModel(*runtime));
  KEELSON_RETURN_IF_ERROR(check(api.CreateSession(runtime->env, path.c_str(), options.get(), &model->session_)));
  model->memory_bytes_ = 2 * static_cast<std::size_t>(size) + kOverhead;
  if (auto read = model->ReadMetadata(); !read) {
    return Fail(read.error().code, read.error().message, path);
  }
  return std::unique_ptr<const OnnxModel>(std::move(model));
}

OnnxModel::~OnnxModel() {
  if (session_ != nullptr) runtime_.api.ReleaseSession(session_);
}

Status OnnxModel::ReadMetadata() {
  const OnnxApi& api = runtime_.api;
  const auto read = [&](auto count, auto name, auto type, std::string_view what,
                        std::vector<TensorInfo>* infos) -> Status {
    std::size_t size = 0;
    KEELSON_RETURN_IF_ERROR(Check(count(session_, &size)));
    for (std::size_t i = 0; i < size; ++i) {
      char* text = nullptr;
      KEELSON_RETURN_IF_ERROR(Check(name(session_, i, runtime_.allocator, &text)));
      const std::string owned = text;
      KEELSON_RETURN_IF_ERROR(Check(api.AllocatorFree(runtime_.allocator, text)));
      OnnxApi::OrtTypeInfo* made = nullptr;
      KEELSON_RETURN_IF_ERROR(Check(type(session_, i, &made)));
      const OnnxTypeInfo info(made, OnnxRelease{&api});
      auto described = DescribeOnnxType(runtime_, *info);
      if (!described) {
        return Fail(described.error().code, fmt::format("{} \"{}\": {}", what, owned, described.error().message));
      }
      described->name = owned;
      infos->push_back(std::move(*described));
    }
    return {};
  };
  KEELSON_RETURN_IF_ERROR(
      read(api.SessionGetInputCount, api.SessionGetInputName, api.SessionGetInputTypeInfo, "input", &inputs_));
  return read(api.SessionGetOutputCount, api.SessionGetOutputName, api.SessionGetOutputTypeInfo, "output", &outputs_);
}

Result<std::vector<Tensor>> OnnxModel::Infer(std::span<const Tensor> inputs,
                                             std::span<const std::string> wanted) const {
  KEELSON_ASSIGN_OR_RETURN(const auto matched, Match(inputs));
  KEELSON_ASSIGN_OR_RETURN(const auto places, MatchOutputs(wanted));
  std::vector<OnnxInput> values;
  std::vector<const char*> input_names, output_names;
  std::vector<const OnnxApi::OrtValue*> input_values;
  values.reserve(matched.size());
  for (const Tensor* tensor : matched) {
    KEELSON_ASSIGN_OR_RETURN(auto value, OnnxInput::Make(runtime_, *tensor));
    values.push_back(std::move(value));
    input_names.push_back(tensor->name.c_str());
    input_values.push_back(values.back().value());
  }
  for (const std::size_t place : places) output_names.push_back(outputs_[place].name.c_str());
  std::vector<OnnxApi::OrtValue*> made(places.size(), nullptr);
  const auto ran = Check(runtime_.api.Run(session_, nullptr, input_names.data(), input_values.data(),
                                          input_values.size(), output_names.data(), output_names.size(), made.data()));
  std::vector<OnnxValue> outputs;
  for (auto* value : made) outputs.emplace_back(value, OnnxRelease{&runtime_.api});
  KEELSON_RETURN_IF_ERROR(ran);
  std::vector<Tensor> answers;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    KEELSON_ASSIGN_OR_RETURN(auto tensor, ReadOnnxValue(runtime_, *outputs[i]));
    tensor.name = outputs_[places[i]].name;
    answers.push_back(std::move(tensor));
  }
  return answers;
}

}  // namespace keelson::serving
