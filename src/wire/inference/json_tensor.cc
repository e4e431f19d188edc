#include "wire/inference/json_tensor.h"

#include <fmt/format.h>

#include <limits>

namespace keelson::wire::inference {
namespace {

using serving::JsonCursor;
using serving::ValueKind;
using serving::ValueKindName;

class Reader {
 public:
  Reader(JsonCursor& cursor, Tensor* tensor) : cursor_(cursor), tensor_(*tensor), expected_(tensor->elements()) {}

  Status Read() {
    if (tensor_.datatype == Datatype::kFp16 || tensor_.datatype == Datatype::kBf16) return HalfInJson();
    if (cursor_.Peek() != ValueKind::kArray) return Wrong(fmt::format("\"data\" is {}, expected an array", Found()));
    Reserve();
    KEELSON_RETURN_IF_ERROR(Level(0));
    if (count_ != expected_) {
      return Wrong(fmt::format("{} values, expected {} for shape {}", count_, expected_, tensor_.ShapeText()));
    }
    return {};
  }

 private:
  std::string Found() { return std::string(ValueKindName(cursor_.Peek())); }

  Status Wrong(std::string message) const {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("input \"{}\": {}", tensor_.name, message));
  }

  // In KServe's words.
  Status HalfInJson() const {
    return Fail(
        ErrorCode::kInvalidArgument,
        fmt::format("Receiving {} data via JSON is not supported. Please use the binary data format for input {}",
                    DatatypeName(tensor_.datatype), tensor_.name));
  }

  Status Malformed() const {
    return Wrong(fmt::format("malformed JSON at byte {}: {}", cursor_.problem_offset(), cursor_.problem()));
  }

  // What a small request names as its shape must not make us allocate: the data grows with what comes.
  void Reserve() {
    const std::size_t count = std::min<std::size_t>(expected_, 4'096);
    if (tensor_.datatype == Datatype::kFp32) tensor_.floats.reserve(count);
    if (tensor_.datatype == Datatype::kFp64) tensor_.doubles.reserve(count);
    if (IsInteger(tensor_.datatype)) tensor_.ints.reserve(count);
    if (tensor_.datatype == Datatype::kBytes) tensor_.texts.reserve(count);
  }

  // One array at nesting `level`: of values, or of arrays of the next level.
  Status Level(std::size_t level) {
    if (!cursor_.EnterArray()) return Malformed();
    std::size_t length = 0;
    bool nested = false;
    while (cursor_.NextElement()) {
      const bool array = cursor_.Peek() == ValueKind::kArray;
      if (length > 0 && array != nested) return Wrong("arrays and values side by side in \"data\"");
      nested = array;
      ++length;
      if (array) {
        if (level + 1 >= std::max<std::size_t>(1, tensor_.shape.size())) {
          return Wrong(fmt::format("\"data\" is nested deeper than shape {}", tensor_.ShapeText()));
        }
        KEELSON_RETURN_IF_ERROR(Level(level + 1));
      } else {
        if (++count_ > expected_) {
          return Wrong(fmt::format("more than the {} values of shape {}", expected_, tensor_.ShapeText()));
        }
        KEELSON_RETURN_IF_ERROR(Value());
      }
    }
    if (!cursor_.ok()) return Malformed();
    if ((level > 0 || nested) && length != static_cast<std::size_t>(tensor_.shape[level])) {
      return Wrong(fmt::format("an array of {} at depth {} of \"data\", expected {} for shape {}", length, level,
                               tensor_.shape[level], tensor_.ShapeText()));
    }
    if (level > 0 && !nested && length > 0 && level + 1 != tensor_.shape.size()) {
      return Wrong(
          fmt::format("\"data\" is nested {} deep, expected flat or as shape {}", level + 1, tensor_.ShapeText()));
    }
    return {};
  }

  Status Value() {
    switch (tensor_.datatype) {
      case Datatype::kFp32:
      case Datatype::kFp64:
        return Float();
      case Datatype::kBytes:
        return Text();
      case Datatype::kBool:
        return Bool();
      case Datatype::kUint64: {
        std::uint64_t value = 0;
        if (cursor_.Peek() != ValueKind::kNumber) return WrongKind("a whole number");
        if (!cursor_.ReadUnsigned(&value)) return Malformed();
        tensor_.ints.push_back(static_cast<std::int64_t>(value));
        return {};
      }
      case Datatype::kInt8:
        return Integer(-128, 127);
      case Datatype::kInt16:
        return Integer(-32768, 32767);
      case Datatype::kInt32:
        return Integer(std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max());
      case Datatype::kInt64:
        return Integer(std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max());
      case Datatype::kUint8:
        return Integer(0, 255);
      case Datatype::kUint16:
        return Integer(0, 65535);
      case Datatype::kUint32:
        return Integer(0, std::numeric_limits<std::uint32_t>::max());
      case Datatype::kFp16:
      case Datatype::kBf16:
        break;
    }
    return HalfInJson();
  }

  Status WrongKind(std::string_view expected) {
    return Wrong(fmt::format("value {} of \"data\" is {}, expected {} for {}", count_ - 1, Found(), expected,
                             DatatypeName(tensor_.datatype)));
  }

  Status Float() {
    double value = std::numeric_limits<double>::quiet_NaN();
    const ValueKind kind = cursor_.Peek();
    if (kind == ValueKind::kNumber) {
      if (!cursor_.ReadDouble(&value)) return Malformed();
    } else if (kind == ValueKind::kNull) {
      if (!cursor_.ReadNull()) return Malformed();
    } else if (kind == ValueKind::kNone) {
      cursor_.Skip();
      return Malformed();
    } else {
      return WrongKind("a number or null");
    }
    if (tensor_.datatype == Datatype::kFp32) {
      tensor_.floats.push_back(static_cast<float>(value));
    } else {
      tensor_.doubles.push_back(value);
    }
    return {};
  }

  Status Integer(std::int64_t low, std::int64_t high) {
    std::int64_t value = 0;
    const ValueKind kind = cursor_.Peek();
    if (kind == ValueKind::kNone) cursor_.Skip();
    if (kind != ValueKind::kNumber && kind != ValueKind::kNone) return WrongKind("a whole number");
    if (!cursor_.ReadInt(&value)) return Malformed();
    if (value < low || value > high) {
      return Wrong(fmt::format("value {} of \"data\" is {}, which {} does not hold", count_ - 1, value,
                               DatatypeName(tensor_.datatype)));
    }
    tensor_.ints.push_back(value);
    return {};
  }

  Status Bool() {
    if (cursor_.Peek() == ValueKind::kNumber) {  // as some clients write it
      KEELSON_RETURN_IF_ERROR(Integer(0, 1));
      return {};
    }
    bool value = false;
    const ValueKind kind = cursor_.Peek();
    if (kind != ValueKind::kBool && kind != ValueKind::kNone) return WrongKind("true or false");
    if (!cursor_.ReadBool(&value)) return Malformed();
    tensor_.ints.push_back(value ? 1 : 0);
    return {};
  }

  Status Text() {
    const ValueKind kind = cursor_.Peek();
    tensor_.texts.emplace_back();
    if (kind == ValueKind::kNull) {
      if (!cursor_.ReadNull()) return Malformed();
      tensor_.missing.resize(expected_);
      tensor_.missing[count_ - 1] = 1;
      return {};
    }
    if (kind != ValueKind::kString && kind != ValueKind::kNone) return WrongKind("a string");
    if (!cursor_.ReadString(&tensor_.texts.back())) return Malformed();
    return {};
  }

  JsonCursor& cursor_;
  Tensor& tensor_;
  std::size_t expected_;
  std::size_t count_ = 0;
};

}  // namespace

Status ReadJsonData(JsonCursor& cursor, Tensor* tensor) {
  return Reader(cursor, tensor).Read();
}

}  // namespace keelson::wire::inference
