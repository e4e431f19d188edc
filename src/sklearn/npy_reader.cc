#include "sklearn/npy_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>

namespace keelson::sklearn {
namespace {

std::unexpected<Error> Malformed(std::string_view what) {
  return Fail(ErrorCode::kInvalidArgument, fmt::format("a malformed .npy file: {}", what));
}

// The header is a literal of Python: {'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }, where fields are
// [('name', '<f8'), ...].
class HeaderReader {
 public:
  HeaderReader(std::string_view text, Document* document) : text_(text), document_(document) {}

  Status Read(Array* array) {
    if (!Take('{')) return Malformed("no dictionary");
    while (!Take('}')) {
      const auto key = Text();
      if (!key || !Take(':')) return Malformed("a key");
      if (*key == "descr") {
        KEELSON_RETURN_IF_ERROR(Type(&array->type));
      } else if (*key == "fortran_order") {
        if (!Word("True") && !Word("False")) return Malformed("fortran_order");
        array->fortran = word_ == "True";
      } else if (*key == "shape") {
        KEELSON_RETURN_IF_ERROR(Shape(&array->shape));
      } else {
        return Malformed("an unknown key");
      }
      ++keys_;
      Take(',');
    }
    return keys_ == 3 ? Status{} : Malformed("not its three keys");
  }

 private:
  void SkipSpace() {
    while (!text_.empty() && (text_[0] == ' ' || text_[0] == '\n')) text_.remove_prefix(1);
  }
  bool Take(char wanted) {
    SkipSpace();
    if (!text_.starts_with(wanted)) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool Word(std::string_view wanted) {
    SkipSpace();
    if (!text_.starts_with(wanted)) return false;
    text_.remove_prefix(wanted.size());
    word_ = wanted;
    return true;
  }
  std::optional<std::string_view> Text() {
    if (!Take('\'')) return std::nullopt;
    const std::size_t end = text_.find('\'');
    if (end == std::string_view::npos) return std::nullopt;
    const auto text = text_.substr(0, end);
    text_.remove_prefix(end + 1);
    if (text.find('\\') != std::string_view::npos) return std::nullopt;
    return text;
  }

  static Result<ElementType> Named(std::string_view name) {
    if (name.starts_with('>')) return Fail(ErrorCode::kUnsupported, "big-endian numbers");
    return ParseElementType(name);
  }

  // The fields lie one after another: numpy writes the padding between them as fields without a name.
  Status Type(ElementType* type) {
    if (!Take('[')) {
      const auto name = Text();
      if (!name) return Malformed("descr");
      KEELSON_ASSIGN_OR_RETURN(*type, Named(*name));
      return type->kind == 'V' ? Malformed("a type of bytes") : Status{};
    }
    *type = ElementType{'V', 0, {}};
    while (!Take(']')) {
      const bool open = Take('(');
      const auto name = open ? Text() : std::nullopt;
      const auto of = name && Take(',') ? Text() : std::nullopt;
      if (!of || !Take(')')) return Fail(ErrorCode::kUnsupported, "a field that is no number of a name");
      KEELSON_ASSIGN_OR_RETURN(const auto element, Named(*of));
      if (element.kind == 'O') return Fail(ErrorCode::kUnsupported, "a field of objects");
      if (type->fields.size() == ElementType::kMaxFields) return Fail(ErrorCode::kUnsupported, "so many fields");
      if (element.kind != 'V') {
        type->fields.push_back({document_->Own(std::string(*name)), element.kind, element.size, type->size});
      }
      type->size += element.size;
      if (type->size > 1'000'000) return Malformed("an element too large");
      Take(',');
    }
    return type->size > 0 ? Status{} : Malformed("no fields");
  }

  Status Shape(std::vector<std::int64_t>* shape) {
    if (!Take('(')) return Malformed("shape");
    while (!Take(')')) {
      SkipSpace();
      std::int64_t length = 0;
      std::size_t digits = 0;
      for (; digits < text_.size() && text_[digits] >= '0' && text_[digits] <= '9' && digits < 12; ++digits) {
        length = length * 10 + (text_[digits] - '0');
      }
      if (digits == 0 || shape->size() == 32) return Malformed("shape");
      text_.remove_prefix(digits);
      shape->push_back(length);
      Take(',');
    }
    return {};
  }

  std::string_view text_;
  Document* document_;
  std::string_view word_;
  int keys_ = 0;
};

}  // namespace

Result<Array> ReadNpy(std::string_view bytes, Document* document) {
  constexpr std::string_view kMagic = "\x93NUMPY";
  if (!bytes.starts_with(kMagic) || bytes.size() < 12) return Malformed("no magic bytes");
  const auto version = static_cast<unsigned char>(bytes[6]);
  if (version < 1 || version > 3) return Malformed("an unknown version");
  const std::size_t width = version == 1 ? 2 : 4;
  std::uint32_t length = 0;
  std::memcpy(&length, bytes.data() + 8, width);
  bytes.remove_prefix(8 + width);
  if (length > bytes.size()) return Malformed("it ends in its header");
  Array array;
  KEELSON_RETURN_IF_ERROR(HeaderReader(bytes.substr(0, length), document).Read(&array));
  array.bytes = bytes.substr(length);
  array.is_filled = true;
  if (array.type.kind == 'O') return Fail(ErrorCode::kUnsupported, "an array of objects in a .npy file");
  KEELSON_RETURN_IF_ERROR(CheckFilled(array));
  return array;
}

}  // namespace keelson::sklearn
