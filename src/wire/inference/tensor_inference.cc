#include "wire/inference/tensor_inference.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

#include "wire/inference/answer.h"

namespace keelson::wire::inference {
namespace {

void AppendDouble(double value, std::string* out) {
  if (std::isnan(value)) {
    out->append("null");
  } else if (std::isinf(value)) {
    out->append(value < 0 ? "-1e999" : "1e999");
  } else {
    fmt::format_to(std::back_inserter(*out), "{}", value);
  }
}

template <typename Values, typename Append>
void AppendArray(const Values& values, std::string* out, Append append) {
  out->push_back('[');
  bool first = true;
  for (const auto& value : values) {
    if (!first) out->push_back(',');
    first = false;
    append(value);
  }
  out->push_back(']');
}

Status AppendData(const Tensor& tensor, std::string* out) {
  switch (tensor.datatype) {
    case Datatype::kBool:
      AppendArray(tensor.ints, out, [&](std::int64_t value) { out->append(value != 0 ? "true" : "false"); });
      return {};
    case Datatype::kFp16:
    case Datatype::kBf16:
      return Fail(ErrorCode::kUnsupported, fmt::format("output \"{}\": {} cannot be sent as JSON; ask for it as binary "
                                                       "tensor data",
                                                       tensor.name, DatatypeName(tensor.datatype)));
    case Datatype::kFp32:
      AppendArray(tensor.floats, out, [&](float value) { AppendFloat(value, out); });
      return {};
    case Datatype::kFp64:
      AppendArray(tensor.doubles, out, [&](double value) { AppendDouble(value, out); });
      return {};
    case Datatype::kBytes:
      AppendArray(tensor.texts, out, [&](const std::string& text) { out->append(JsonString(text)); });
      return {};
    case Datatype::kUint64:
      AppendArray(tensor.ints, out, [&](std::int64_t value) {
        fmt::format_to(std::back_inserter(*out), "{}", static_cast<std::uint64_t>(value));
      });
      return {};
    default:
      AppendArray(tensor.ints, out, [&](std::int64_t value) { fmt::format_to(std::back_inserter(*out), "{}", value); });
      return {};
  }
}

bool AsBinary(const InferRequest& asked, std::string_view output) {
  bool binary = asked.binary_output;
  if (!asked.outputs) return binary;
  for (const auto& each : *asked.outputs) {
    if (each.name == output) binary = each.binary.value_or(asked.binary_output);
  }
  return binary;
}

}  // namespace

std::string TensorInfosJson(std::span<const serving::TensorInfo> infos) {
  std::string json;
  AppendArray(infos, &json, [&](const serving::TensorInfo& info) {
    json.append("{\"name\":").append(JsonString(info.name));
    json.append(",\"datatype\":\"").append(DatatypeName(info.datatype));
    json.append("\",\"shape\":").append(ShapeText(info.shape)).push_back('}');
  });
  return json;
}

Result<io::HttpResponse> WriteTensorAnswer(std::string_view model, std::string_view version, const InferRequest& asked,
                                           std::span<const Tensor> tensors) {
  io::HttpResponse response;
  std::string& body = response.body;
  std::string contents;
  std::size_t elements = 0;
  for (const Tensor& tensor : tensors) elements += tensor.elements();
  body.reserve(256 + elements * 14);
  body.append("{\"model_name\":").append(JsonString(model));
  body.append(",\"model_version\":").append(JsonString(version));
  if (!asked.id.empty()) body.append(",\"id\":").append(JsonString(asked.id));
  body.append(",\"outputs\":[");
  bool any_binary = false;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const Tensor& tensor = tensors[i];
    if (i != 0) body.push_back(',');
    body.append("{\"name\":").append(JsonString(tensor.name));
    body.append(",\"shape\":").append(tensor.ShapeText());
    body.append(",\"datatype\":\"").append(DatatypeName(tensor.datatype)).append("\",");
    if (AsBinary(asked, tensor.name)) {
      any_binary = true;
      const std::size_t before = contents.size();
      WriteBinary(tensor, &contents);
      body.append(fmt::format("\"parameters\":{{\"binary_data_size\":{}}}", contents.size() - before));
    } else {
      body.append("\"data\":");
      KEELSON_RETURN_IF_ERROR(AppendData(tensor, &body));
    }
    body.push_back('}');
  }
  body.append("]}");
  if (any_binary) {
    response.headers.emplace_back("inference-header-content-length", std::to_string(body.size()));
    response.content_type = "application/octet-stream";
    body.append(contents);
  }
  return response;
}

}  // namespace keelson::wire::inference
