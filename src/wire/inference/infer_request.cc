#include "wire/inference/infer_request.h"

#include <fmt/format.h>

#include "base/strings.h"
#include "serving/json_cursor.h"
#include "wire/inference/json_tensor.h"

namespace keelson::wire::inference {
namespace {

using serving::JsonCursor;
using serving::ValueKind;

std::unexpected<Error> Bad(std::string message) {
  return Fail(ErrorCode::kInvalidArgument, std::move(message));
}

class Parser {
 public:
  Parser(std::string_view json, std::string_view binary, const InferRequestOptions& options)
      : json_(json), binary_(binary), options_(options), cursor_(json) {}

  Result<InferRequest> Parse() {
    if (cursor_.Peek() != ValueKind::kObject) return Bad("the body is not a JSON object");
    std::string_view key;
    if (!cursor_.EnterObject()) return Malformed();
    while (cursor_.NextKey(&key)) {
      if (key == "inputs") {
        KEELSON_RETURN_IF_ERROR(Inputs());
      } else if (key == "outputs") {
        KEELSON_RETURN_IF_ERROR(Outputs());
      } else if (key == "id") {
        if (cursor_.Peek() == ValueKind::kNull ? !cursor_.ReadNull() : !cursor_.ReadString(&request_.id))
          return Malformed();
      } else if (key == "parameters") {
        KEELSON_RETURN_IF_ERROR(Parameters([this](std::string_view name) {
          if (name == "binary_data_output") return cursor_.ReadBool(&request_.binary_output);
          if (name == "priority") return cursor_.ReadUnsigned(&request_.priority.emplace());
          if (name == "timeout") return cursor_.ReadUnsigned(&request_.timeout_us.emplace());
          return name == "predict" ? cursor_.ReadString(&request_.predict) : cursor_.Skip();
        }));
      } else if (!cursor_.Skip()) {
        return Malformed();
      }
    }
    if (!cursor_.Finish()) return Malformed();
    if (!has_inputs_) return Bad("the request has no \"inputs\"");
    if (!binary_.empty()) {
      return Bad(fmt::format("{} bytes of binary data belong to no input", binary_.size()));
    }
    return std::move(request_);
  }

 private:
  std::unexpected<Error> Malformed() const {
    return Bad(fmt::format("malformed JSON at byte {}: {}", cursor_.problem_offset(), cursor_.problem()));
  }

  template <typename Member>
  Status Parameters(const Member& member) {
    if (cursor_.Peek() == ValueKind::kNull) {
      if (!cursor_.ReadNull()) return Malformed();
      return {};
    }
    if (!cursor_.EnterObject()) return Malformed();
    std::string_view name;
    while (cursor_.NextKey(&name)) {
      if (!member(name)) return Malformed();
    }
    if (!cursor_.ok()) return Malformed();
    return {};
  }

  Status Inputs() {
    if (has_inputs_) return Bad("\"inputs\" stands twice in the request");
    has_inputs_ = true;
    if (!cursor_.EnterArray()) return Malformed();
    std::size_t count = 0;
    while (cursor_.NextElement()) {
      if (++count > options_.limits.inputs) return Bad(fmt::format("more than {} inputs", options_.limits.inputs));
      KEELSON_RETURN_IF_ERROR(Input());
    }
    if (!cursor_.ok()) return Malformed();
    request_.inputs_end = cursor_.offset() - 1;
    request_.inputs_empty = count == 0;
    return {};
  }

  Status Input() {
    Tensor tensor;
    bool has_name = false, has_datatype = false, has_shape = false, has_data = false, read = false;
    std::size_t data_at = 0;
    std::optional<std::uint64_t> binary_size;
    if (!cursor_.EnterObject()) return Malformed();
    std::string_view key;
    while (cursor_.NextKey(&key)) {
      // Twice would change what the contents were read as.
      if ((key == "name" && has_name) || (key == "datatype" && has_datatype) || (key == "shape" && has_shape) ||
          (key == "data" && has_data)) {
        return Bad(fmt::format("input \"{}\": \"{}\" stands twice", tensor.name, key));
      }
      if (key == "name") {
        has_name = true;
        if (!cursor_.ReadString(&tensor.name)) return Malformed();
      } else if (key == "datatype") {
        std::string_view name;
        if (!cursor_.ReadStringView(&name)) return Malformed();
        const auto datatype = ParseDatatype(name);
        if (!datatype)
          return Bad(fmt::format("input \"{}\": unknown datatype \"{}\"", tensor.name, name.substr(0, 60)));
        tensor.datatype = *datatype;
        has_datatype = true;
      } else if (key == "shape") {
        has_shape = true;
        KEELSON_RETURN_IF_ERROR(Shape(&tensor));
      } else if (key == "data") {
        has_data = true;
        data_at = cursor_.ValueOffset();
        if (has_name && has_datatype && has_shape && Wanted(tensor.name)) {
          KEELSON_RETURN_IF_ERROR(ReadJsonData(cursor_, &tensor));
          read = true;
        } else if (!cursor_.Skip()) {
          return Malformed();
        }
      } else if (key == "parameters") {
        KEELSON_RETURN_IF_ERROR(Parameters([&](std::string_view name) {
          return name == "binary_data_size" ? cursor_.ReadUnsigned(&binary_size.emplace()) : cursor_.Skip();
        }));
      } else if (!cursor_.Skip()) {
        return Malformed();
      }
    }
    if (!cursor_.ok()) return Malformed();
    if (!has_name) return Bad("an input without a \"name\"");
    if (!has_datatype) return Bad(fmt::format("input \"{}\" has no \"datatype\"", tensor.name));
    if (!has_shape) return Bad(fmt::format("input \"{}\" has no \"shape\"", tensor.name));
    if (has_data == binary_size.has_value()) {
      return Bad(fmt::format("input \"{}\" has {} \"data\" and binary_data_size; expected one of them", tensor.name,
                             has_data ? "both" : "neither"));
    }
    if (binary_size) {
      KEELSON_RETURN_IF_ERROR(TakeBinary(*binary_size, &tensor));
    } else if (!read && Wanted(tensor.name)) {
      JsonCursor again(json_.substr(data_at));  // the data came before what it is made of
      KEELSON_RETURN_IF_ERROR(ReadJsonData(again, &tensor));
    }
    if (Wanted(tensor.name)) request_.inputs.push_back(std::move(tensor));
    return {};
  }

  bool Wanted(std::string_view name) const { return !options_.wanted || options_.wanted(name); }

  Status TakeBinary(std::uint64_t size, Tensor* tensor) {
    if (size > binary_.size()) {
      return Bad(
          fmt::format("input \"{}\": binary_data_size is {}, {} bytes are left", tensor->name, size, binary_.size()));
    }
    const auto bytes = binary_.substr(0, static_cast<std::size_t>(size));
    binary_.remove_prefix(bytes.size());
    if (!Wanted(tensor->name)) return {};
    return ReadBinary(bytes, tensor);
  }

  Status Shape(Tensor* tensor) {
    tensor->shape.clear();
    std::size_t elements = 1;
    if (!cursor_.EnterArray()) return Malformed();
    while (cursor_.NextElement()) {
      std::int64_t dimension = 0;
      if (!cursor_.ReadInt(&dimension)) return Malformed();
      KEELSON_RETURN_IF_ERROR(AddDimension(dimension, options_.limits, tensor, &elements));
    }
    if (!cursor_.ok()) return Malformed();
    return {};
  }

  Status Outputs() {
    request_.outputs.emplace();
    if (cursor_.Peek() == ValueKind::kNull) {
      if (!cursor_.ReadNull()) return Malformed();
      request_.outputs.reset();
      return {};
    }
    if (!cursor_.EnterArray()) return Malformed();
    while (cursor_.NextElement()) {
      if (request_.outputs->size() == options_.limits.inputs) {
        return Bad(fmt::format("more than {} outputs", options_.limits.inputs));
      }
      RequestedOutput& output = request_.outputs->emplace_back();
      bool has_name = false;
      if (!cursor_.EnterObject()) return Malformed();
      std::string_view key;
      while (cursor_.NextKey(&key)) {
        if (key == "name") {
          has_name = true;
          if (!cursor_.ReadString(&output.name)) return Malformed();
        } else if (key == "parameters") {
          KEELSON_RETURN_IF_ERROR(Parameters([&](std::string_view name) {
            if (name != "binary_data") return cursor_.Skip();
            return cursor_.ReadBool(&output.binary.emplace());
          }));
        } else if (!cursor_.Skip()) {
          return Malformed();
        }
      }
      if (!cursor_.ok()) return Malformed();
      if (!has_name) return Bad("an output without a \"name\"");
    }
    if (!cursor_.ok()) return Malformed();
    return {};
  }

  std::string_view json_;
  std::string_view binary_;
  const InferRequestOptions& options_;
  JsonCursor cursor_;
  InferRequest request_;
  bool has_inputs_ = false;
};

}  // namespace

Status AddDimension(std::int64_t dimension, const TensorLimits& limits, Tensor* tensor, std::size_t* elements) {
  if (dimension < 0)
    return Bad(fmt::format("input \"{}\": a negative dimension {} in \"shape\"", tensor->name, dimension));
  if (tensor->shape.size() == limits.rank) {
    return Bad(fmt::format("input \"{}\": more than {} dimensions", tensor->name, limits.rank));
  }
  tensor->shape.push_back(dimension);
  const auto size = static_cast<std::size_t>(dimension);
  if (size != 0 && *elements > limits.elements / size) {
    return Bad(fmt::format("input \"{}\": shape {} has more than {} elements", tensor->name, tensor->ShapeText(),
                           limits.elements));
  }
  *elements *= size;
  return {};
}

Result<std::optional<std::size_t>> ParseJsonLength(std::string_view header, std::size_t body_size) {
  if (header.empty()) return std::optional<std::size_t>{};
  const auto length = ParseInt(Trim(header));
  if (!length || *length < 0 || static_cast<std::uint64_t>(*length) > body_size) {
    return Bad(fmt::format("Inference-Header-Content-Length is \"{}\", expected 0 to {}, the length of the body",
                           header.substr(0, 40), body_size));
  }
  return std::optional<std::size_t>(static_cast<std::size_t>(*length));
}

Result<InferRequest> ParseInferRequest(std::string_view body, std::optional<std::size_t> json_length,
                                       const InferRequestOptions& options) {
  const std::size_t length = json_length.value_or(body.size());
  const auto json = body.substr(0, length);
  if (!IsValidUtf8(json)) return Bad("the body is not valid UTF-8");
  return Parser(json, body.substr(length), options).Parse();
}

}  // namespace keelson::wire::inference
