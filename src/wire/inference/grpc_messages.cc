#include "wire/inference/grpc_messages.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <optional>

#include "base/protobuf.h"

namespace keelson::wire::inference {
namespace {

std::unexpected<Error> Bad(std::string message) {
  return Fail(ErrorCode::kInvalidArgument, std::move(message));
}

std::unexpected<Error> Malformed() {
  return Fail(ErrorCode::kInternal, "the message is no inference.ModelInferRequest");
}

// The fields of InferTensorContents.
enum ContentsField : std::uint32_t {
  kBoolContents = 1,
  kIntContents = 2,
  kInt64Contents = 3,
  kUintContents = 4,
  kUint64Contents = 5,
  kFp32Contents = 6,
  kFp64Contents = 7,
  kBytesContents = 8
};
constexpr std::string_view kContentsNames[] = {"",
                                               "bool_contents",
                                               "int_contents",
                                               "int64_contents",
                                               "uint_contents",
                                               "uint64_contents",
                                               "fp32_contents",
                                               "fp64_contents",
                                               "bytes_contents"};

// 0 for what has none.
std::uint32_t FieldOf(Datatype datatype) {
  switch (datatype) {
    case Datatype::kBool:
      return kBoolContents;
    case Datatype::kInt8:
    case Datatype::kInt16:
    case Datatype::kInt32:
      return kIntContents;
    case Datatype::kInt64:
      return kInt64Contents;
    case Datatype::kUint8:
    case Datatype::kUint16:
    case Datatype::kUint32:
      return kUintContents;
    case Datatype::kUint64:
      return kUint64Contents;
    case Datatype::kFp32:
      return kFp32Contents;
    case Datatype::kFp64:
      return kFp64Contents;
    case Datatype::kBytes:
      return kBytesContents;
    case Datatype::kFp16:
    case Datatype::kBf16:
      break;
  }
  return 0;
}

// An input whose contents may come later.
struct PendingInput {
  Tensor tensor;
  std::string datatype;
  std::vector<std::string_view> contents;  // parts of one InferTensorContents
};

class ContentsReader {
 public:
  explicit ContentsReader(Tensor* tensor) : tensor_(*tensor), count_(tensor->elements()) {}

  Status Read(const std::vector<std::string_view>& parts) {
    const std::uint32_t wanted = FieldOf(tensor_.datatype);
    if (wanted == 0) {
      return Bad(fmt::format("input \"{}\": {} has no typed contents; send it in raw_input_contents", tensor_.name,
                             DatatypeName(tensor_.datatype)));
    }
    for (const auto part : parts) {
      ProtoReader reader(part);
      while (reader.Next()) {
        const auto field = static_cast<std::uint32_t>(reader.key() >> 3);
        if (field == 0 || field > kBytesContents || !IsContents(reader.key())) continue;
        if (field != wanted) {
          if ((reader.key() & 7) == 2 && reader.bytes().empty() && field != kBytesContents) continue;
          return Bad(fmt::format("input \"{}\" has {}, expected {} for {}", tensor_.name, kContentsNames[field],
                                 kContentsNames[wanted], DatatypeName(tensor_.datatype)));
        }
        KEELSON_RETURN_IF_ERROR(Take(reader));
      }
      if (!reader.ok()) return Malformed();
    }
    if (taken_ != count_) {
      return Bad(fmt::format("input \"{}\" has {} elements in {}, expected {} for shape {}", tensor_.name, taken_,
                             kContentsNames[wanted], count_, tensor_.ShapeText()));
    }
    return {};
  }

 private:
  // Whether the field comes as one of the types that it may have; else protobuf passes over it.
  static bool IsContents(std::uint64_t key) {
    const auto type = static_cast<ProtoType>(key & 7);
    if (type == ProtoType::kBytes) return true;  // packed, or texts
    const auto field = static_cast<std::uint32_t>(key >> 3);
    if (field == kFp32Contents) return type == ProtoType::kFixed32;
    if (field == kFp64Contents) return type == ProtoType::kFixed64;
    return field != kBytesContents && type == ProtoType::kVarint;
  }

  Status Take(ProtoReader& reader) {
    const bool packed = (reader.key() & 7) == 2;
    switch (tensor_.datatype) {
      case Datatype::kBytes:
        if (taken_++ < count_) tensor_.texts.emplace_back(reader.bytes());
        return {};
      case Datatype::kFp32:
        return packed ? TakeFixed(reader.bytes(), &tensor_.floats)
                      : TakeOne(std::bit_cast<float>(static_cast<std::uint32_t>(reader.number())), &tensor_.floats);
      case Datatype::kFp64:
        return packed ? TakeFixed(reader.bytes(), &tensor_.doubles)
                      : TakeOne(std::bit_cast<double>(reader.number()), &tensor_.doubles);
      default:
        break;
    }
    if (!packed) return TakeInteger(reader.number());
    ProtoReader numbers(reader.bytes());
    for (std::uint64_t number = 0; !numbers.empty();) {
      if (!numbers.TakeVarint(&number)) return Malformed();
      KEELSON_RETURN_IF_ERROR(TakeInteger(number));
    }
    return {};
  }

  template <typename T>
  Status TakeFixed(std::string_view bytes, std::vector<T>* values) {
    if (bytes.size() % sizeof(T) != 0) return Malformed();
    const std::size_t count = bytes.size() / sizeof(T);
    taken_ += count;
    if (taken_ > count_ || count == 0) return {};  // what is over is counted, not kept
    values->resize(taken_);
    std::memcpy(values->data() + (taken_ - count), bytes.data(), bytes.size());
    return {};
  }

  template <typename T>
  Status TakeOne(T value, std::vector<T>* values) {
    if (taken_++ < count_) values->push_back(value);
    return {};
  }

  Status TakeInteger(std::uint64_t number) {
    if (taken_++ >= count_) return {};
    const auto keep = [&]<typename T>(std::int64_t value, T) -> Status {
      if (value < std::int64_t{std::numeric_limits<T>::min()} || value > std::int64_t{std::numeric_limits<T>::max()}) {
        return Bad(fmt::format("input \"{}\": value {} of {} is {}, which {} does not hold", tensor_.name, taken_ - 1,
                               kContentsNames[FieldOf(tensor_.datatype)], value, DatatypeName(tensor_.datatype)));
      }
      tensor_.ints.push_back(value);
      return {};
    };
    const std::int64_t narrow = static_cast<std::int32_t>(number);            // as protobuf reads an int32
    const std::int64_t narrow_unsigned = static_cast<std::uint32_t>(number);  // and a uint32
    switch (tensor_.datatype) {
      case Datatype::kBool:
        tensor_.ints.push_back(number != 0 ? 1 : 0);
        return {};
      case Datatype::kInt8:
        return keep(narrow, std::int8_t{});
      case Datatype::kInt16:
        return keep(narrow, std::int16_t{});
      case Datatype::kInt32:
        return keep(narrow, std::int32_t{});
      case Datatype::kUint8:
        return keep(narrow_unsigned, std::uint8_t{});
      case Datatype::kUint16:
        return keep(narrow_unsigned, std::uint16_t{});
      case Datatype::kUint32:
        return keep(narrow_unsigned, std::uint32_t{});
      default:
        tensor_.ints.push_back(static_cast<std::int64_t>(number));
        return {};
    }
  }

  Tensor& tensor_;
  const std::size_t count_;
  std::size_t taken_ = 0;
};

class RequestReader {
 public:
  explicit RequestReader(const TensorLimits& limits) : limits_(limits) {}

  Result<GrpcInferRequest> Read(std::string_view message) {
    ProtoReader reader(message);
    while (reader.Next()) {
      switch (reader.key()) {
        case ProtoBytes(1):
          if (!reader.Text(&asked_.model)) return Malformed();
          break;
        case ProtoBytes(2):
          if (!reader.Text(&asked_.version)) return Malformed();
          break;
        case ProtoBytes(3):
          if (!reader.Text(&asked_.request.id)) return Malformed();
          break;
        case ProtoBytes(4):
          KEELSON_RETURN_IF_ERROR(ReadParameter(reader.bytes()));
          break;
        case ProtoBytes(5):
          if (inputs_.size() == limits_.inputs) return Bad(fmt::format("more than {} inputs", limits_.inputs));
          KEELSON_RETURN_IF_ERROR(ReadInput(reader.bytes()));
          break;
        case ProtoBytes(6):
          KEELSON_RETURN_IF_ERROR(ReadOutput(reader.bytes()));
          break;
        case ProtoBytes(7):
          if (raw_.size() > limits_.inputs) return Bad(fmt::format("more than {} raw contents", limits_.inputs));
          raw_.push_back(reader.bytes());
          break;
        default:
          break;
      }
    }
    if (!reader.ok()) return Malformed();
    KEELSON_RETURN_IF_ERROR(TakeContents());
    return std::move(asked_);
  }

 private:
  // An entry of map<string, InferParameter>.
  Status ReadParameter(std::string_view entry) {
    std::string name;
    std::vector<std::string_view> values;
    ProtoReader reader(entry);
    while (reader.Next()) {
      if (reader.key() == ProtoBytes(1) && !reader.Text(&name)) return Malformed();
      if (reader.key() == ProtoBytes(2)) values.push_back(reader.bytes());
    }
    if (!reader.ok()) return Malformed();
    std::string text;
    bool is_text = false;
    std::optional<std::uint64_t> number;
    for (const auto value : values) {
      ProtoReader choice(value);
      while (choice.Next()) {
        const auto key = choice.key();
        if (key == ProtoBytes(3) && !choice.Text(&text)) return Malformed();
        const bool other = key == ProtoVarint(1) || key == ProtoVarint(2) || key == ProtoVarint(5) ||
                           key == ProtoKey(4, ProtoType::kFixed64);
        if (key == ProtoBytes(3) || other) {
          is_text = !other;
          number.reset();
        }
        if (key == ProtoVarint(2) || key == ProtoVarint(5)) number = choice.number();
      }
      if (!choice.ok()) return Malformed();
    }
    if (name == "priority" || name == "timeout") {  // of the schedule_policy extension
      if (!number || *number > INT64_MAX) return Bad(fmt::format("parameters.{} is no number from 0", name));
      (name == "priority" ? asked_.request.priority : asked_.request.timeout_us) = number;
    }
    if (name != "predict") return {};
    if (!is_text) return Bad("parameters.predict is no text; expected value, margin, leaves or contributions");
    asked_.request.predict = std::move(text);
    return {};
  }

  Status ReadInput(std::string_view bytes) {
    PendingInput& input = inputs_.emplace_back();
    Tensor& tensor = input.tensor;
    std::size_t elements = 1;
    ProtoReader reader(bytes);
    while (reader.Next()) {
      switch (reader.key()) {
        case ProtoBytes(1):
          if (!reader.Text(&tensor.name)) return Malformed();
          break;
        case ProtoBytes(2):
          if (!reader.Text(&input.datatype)) return Malformed();
          break;
        case ProtoVarint(3):
          KEELSON_RETURN_IF_ERROR(
              AddDimension(static_cast<std::int64_t>(reader.number()), limits_, &tensor, &elements));
          break;
        case ProtoBytes(3): {
          ProtoReader dimensions(reader.bytes());
          for (std::uint64_t dimension = 0; !dimensions.empty();) {
            if (!dimensions.TakeVarint(&dimension)) return Malformed();
            KEELSON_RETURN_IF_ERROR(AddDimension(static_cast<std::int64_t>(dimension), limits_, &tensor, &elements));
          }
          break;
        }
        case ProtoBytes(5):
          input.contents.push_back(reader.bytes());
          break;
        default:
          break;
      }
    }
    if (!reader.ok()) return Malformed();
    if (tensor.name.empty()) return Bad("an input without a \"name\"");
    const auto datatype = ParseDatatype(input.datatype);
    if (!datatype) {
      return Bad(fmt::format("input \"{}\": unknown datatype \"{}\"", tensor.name, input.datatype.substr(0, 60)));
    }
    tensor.datatype = *datatype;
    return {};
  }

  Status ReadOutput(std::string_view bytes) {
    auto& outputs = asked_.request.outputs;
    if (!outputs) outputs.emplace();
    if (outputs->size() == limits_.inputs) return Bad(fmt::format("more than {} outputs", limits_.inputs));
    RequestedOutput& output = outputs->emplace_back();
    ProtoReader reader(bytes);
    while (reader.Next()) {
      if (reader.key() == ProtoBytes(1) && !reader.Text(&output.name)) return Malformed();
    }
    if (!reader.ok()) return Malformed();
    return {};
  }

  Status TakeContents() {
    asked_.raw = !raw_.empty();
    if (asked_.raw && raw_.size() != inputs_.size()) {  // in KServe's words
      return Bad(
          fmt::format("the number of inputs ({}) does not match the expected number of raw input contents ({}) for "
                      "model '{}'.",
                      inputs_.size(), raw_.size(), asked_.model));
    }
    for (const auto& input : inputs_) {
      if (!asked_.raw || input.contents.empty()) continue;
      return Bad(
          fmt::format("contents field must not be specified when using raw_input_contents for input '{}' for model "
                      "'{}'",
                      input.tensor.name, asked_.model));
    }
    asked_.request.inputs.reserve(inputs_.size());
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      Tensor& tensor = inputs_[i].tensor;
      if (asked_.raw) {
        KEELSON_RETURN_IF_ERROR(ReadBinary(raw_[i], &tensor));
      } else {
        KEELSON_RETURN_IF_ERROR(ContentsReader(&tensor).Read(inputs_[i].contents));
      }
      asked_.request.inputs.push_back(std::move(tensor));
    }
    return {};
  }

  const TensorLimits& limits_;
  GrpcInferRequest asked_;
  std::vector<PendingInput> inputs_;
  std::vector<std::string_view> raw_;
};

template <typename T>
void WriteFixed(const std::vector<T>& values, std::uint32_t field, ProtoWriter& writer) {
  if (values.empty()) return;
  writer.Bytes(field, {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)});
}

void WriteContents(const Tensor& tensor, ProtoWriter& writer) {
  const std::uint32_t field = FieldOf(tensor.datatype);
  switch (field) {
    case kFp32Contents:
      return WriteFixed(tensor.floats, field, writer);
    case kFp64Contents:
      return WriteFixed(tensor.doubles, field, writer);
    case kBytesContents:
      for (const auto& text : tensor.texts) writer.Bytes(field, text);
      return;
    default:
      if (tensor.ints.empty()) return;
      writer.Nested(field, [&] {
        for (const auto value : tensor.ints) writer.Varint(static_cast<std::uint64_t>(value));
      });
  }
}

}  // namespace

Result<GrpcInferRequest> ReadGrpcInferRequest(std::string_view message, const TensorLimits& limits) {
  return RequestReader(limits).Read(message);
}

std::optional<GrpcInferHead> ReadGrpcInferHead(std::string_view message) {
  GrpcInferHead head;
  ProtoReader reader(message);
  while (reader.Next()) {
    if (reader.key() == ProtoBytes(1)) head.model = reader.bytes();
    if (reader.key() == ProtoBytes(2)) head.version = reader.bytes();
    if (reader.key() == ProtoBytes(3)) head.id = reader.bytes();
  }
  if (!reader.ok()) return std::nullopt;
  return head;
}

std::string WriteGrpcInferAnswer(const GrpcInferAnswer& answer, std::span<const Tensor> tensors) {
  std::string out;
  ProtoWriter writer(&out);
  writer.Text(1, answer.model);
  writer.Text(2, answer.version);
  writer.Text(3, answer.id);
  const bool raw = answer.raw || std::any_of(tensors.begin(), tensors.end(),
                                             [](const Tensor& t) { return FieldOf(t.datatype) == 0; });
  for (const Tensor& tensor : tensors) {
    writer.Nested(5, [&] {
      writer.Text(1, tensor.name);
      writer.Text(2, DatatypeName(tensor.datatype));
      if (!tensor.shape.empty()) {
        writer.Nested(3, [&] {
          for (const auto dimension : tensor.shape) writer.Varint(static_cast<std::uint64_t>(dimension));
        });
      }
      if (!raw) writer.Nested(5, [&] { WriteContents(tensor, writer); });
    });
  }
  if (!raw) return out;
  for (const Tensor& tensor : tensors) {
    writer.Nested(6, [&] { WriteBinary(tensor, &out); });
  }
  return out;
}

}  // namespace keelson::wire::inference
