#include "sklearn/numpy_pickle.h"

#include <algorithm>
#include <string>
#include <utility>

namespace keelson::sklearn {
namespace {

using Kind = Value::Kind;

std::unexpected<Error> Bad(std::string_view what) {
  return Fail(ErrorCode::kInvalidArgument, std::string(what));
}
std::unexpected<Error> Unsupported(std::string_view what) {
  return Fail(ErrorCode::kUnsupported, std::string(what));
}

// numpy 2 moved numpy.core to numpy._core; scikit-learn's models of either are read.
bool IsNumpyCore(std::string_view module, std::string_view part) {
  for (const std::string_view core : {"numpy._core.", "numpy.core."}) {
    if (module.starts_with(core) && module.substr(core.size()) == part) return true;
  }
  return false;
}

// The whole numbers of a tuple.
Result<std::vector<std::int64_t>> Shape(const Document& document, const Value& tuple) {
  if (tuple.kind != Kind::kTuple || tuple.items.size() > 32) return Bad("a shape that is no tuple of whole numbers");
  std::vector<std::int64_t> shape;
  for (const Ref ref : tuple.items) {
    const Value& length = document.at(ref);
    if (length.kind != Kind::kInt) return Bad("a shape that is no tuple of whole numbers");
    shape.push_back(length.integer);
  }
  return shape;
}

Result<Ref> MakeType(const Document& read, const Value& arguments, Document* document) {
  if (arguments.items.empty() || read.at(arguments.items[0]).kind != Kind::kText) {
    return Unsupported("a numpy type that has no name");
  }
  KEELSON_ASSIGN_OR_RETURN(auto type, ParseElementType(read.at(arguments.items[0]).text));
  return document->AddType(std::move(type));
}

// numpy._core.numeric._frombuffer(bytes, type, shape, order): an array of protocol 5.
Result<Ref> MakeFromBuffer(const Value& arguments, Document* document) {
  if (arguments.items.size() != 4) return Bad("an array from a buffer needs four arguments");
  const Value& bytes = document->at(arguments.items[0]);
  const Value& type = document->at(arguments.items[1]);
  const Value& order = document->at(arguments.items[3]);
  if (bytes.kind != Kind::kBytes || type.kind != Kind::kType || order.kind != Kind::kText) {
    return Unsupported("an array of a buffer out of band");
  }
  Array array;
  array.type = document->type(type);
  if (array.type.kind == 'O') return Bad("an array of objects from a buffer");
  KEELSON_ASSIGN_OR_RETURN(array.shape, Shape(*document, document->at(arguments.items[2])));
  array.fortran = order.text == "F";
  array.bytes = bytes.text;
  array.is_filled = true;
  KEELSON_RETURN_IF_ERROR(CheckFilled(array));
  return document->AddArray(std::move(array));
}

Result<Ref> MakeNumber(const Value& arguments, Document* document) {
  if (arguments.items.size() != 2) return Bad("a number of numpy needs two arguments");
  const Value& type = document->at(arguments.items[0]);
  const Value& bytes = document->at(arguments.items[1]);
  if (type.kind != Kind::kType || bytes.kind != Kind::kBytes) return Unsupported("a number of numpy that is an object");
  KEELSON_ASSIGN_OR_RETURN(auto value, ReadScalar(document->type(type), bytes.text, document));
  return document->Add(std::move(value));
}

// _codecs.encode(text, "latin1"): each character is a byte.
Result<Ref> MakeBytes(const Value& arguments, Document* document) {
  if (arguments.items.size() != 2) return Bad("bytes from a text need two arguments");
  const Value& text = document->at(arguments.items[0]);
  const Value& coding = document->at(arguments.items[1]);
  if (text.kind != Kind::kText || coding.kind != Kind::kText || (coding.text != "latin1" && coding.text != "latin-1")) {
    return Unsupported("a text in another coding than latin1");
  }
  std::string bytes;
  for (std::size_t i = 0; i < text.text.size(); ++i) {
    const auto first = static_cast<unsigned char>(text.text[i]);
    if (first < 0x80) {
      bytes.push_back(text.text[i]);
      continue;
    }
    const bool two = (first == 0xC2 || first == 0xC3) && i + 1 < text.text.size();
    const auto second = two ? static_cast<unsigned char>(text.text[++i]) : 0;
    if (second < 0x80 || second >= 0xC0) return Bad("a character that is no byte");
    bytes.push_back(static_cast<char>(((first & 3) << 6) | (second & 0x3F)));
  }
  Value value;
  value.kind = Kind::kBytes;
  value.text = document->Own(std::move(bytes));
  return document->Add(std::move(value));
}

// copyreg._reconstructor(class, object, None): how protocol 2 makes an object without calling its class.
Result<Ref> MakeObject(const Value& arguments, Document* document) {
  if (arguments.items.empty() || document->at(arguments.items[0]).kind != Kind::kGlobal) {
    return Unsupported("an object of a class that has no name");
  }
  Value value;
  value.kind = Kind::kObject;
  value.items = {arguments.items[0]};
  return document->Add(std::move(value));
}

// (version, byte order, None, names or None, fields or None, size, alignment, flags)
Status BuildType(const Value& state, Document* document, ElementType* type) {
  if (state.kind != Kind::kTuple || state.items.size() < 8) return Unsupported("a numpy type of another form");
  const auto item = [&](std::size_t i) -> const Value& { return document->at(state.items[i]); };
  if (item(1).kind != Kind::kText || item(1).text == ">") return Unsupported("big-endian numbers");
  if (item(2).kind != Kind::kNone) return Unsupported("a numpy type of arrays");
  if (item(3).kind == Kind::kNone) return type->kind == 'V' ? Unsupported("a numpy type of bytes") : Status{};
  if (type->kind != 'V' || item(3).kind != Kind::kTuple || item(4).kind != Kind::kDict || !type->fields.empty()) {
    return Bad("fields of a numpy type that has none");
  }
  if (item(3).items.size() > ElementType::kMaxFields) return Unsupported("a numpy type of so many fields");
  for (const Ref ref : item(3).items) {
    const Value& name = document->at(ref);
    const Value* const field = name.kind == Kind::kText ? document->Find(item(4), name.text) : nullptr;
    if (field == nullptr || field->kind != Kind::kTuple || field->items.size() < 2)
      return Bad("a field without a type");
    const Value& of = document->at(field->items[0]);
    const Value& offset = document->at(field->items[1]);
    if (of.kind != Kind::kType || offset.kind != Kind::kInt) return Bad("a field without a type");
    const ElementType& element = document->type(of);
    const auto place = static_cast<std::uint64_t>(offset.integer);
    if (element.kind == 'O' || element.kind == 'V') return Unsupported("a field of objects or fields");
    if (place > type->size || element.size > type->size - place) return Bad("a field beyond its element");
    type->fields.push_back({name.text, element.kind, element.size, static_cast<std::uint32_t>(place)});
  }
  return {};
}

// (version, shape, type, whether Fortran's order, bytes or a list of objects)
Status BuildArray(const Value& state, Document* document, Array* array) {
  if (array->is_filled || state.kind != Kind::kTuple || state.items.size() != 5) {
    return Unsupported("an array of another form");
  }
  const auto item = [&](std::size_t i) -> const Value& { return document->at(state.items[i]); };
  if (item(2).kind != Kind::kType || item(3).kind != Kind::kBool) return Bad("an array without a type");
  Array filled;
  filled.type = document->type(item(2));
  KEELSON_ASSIGN_OR_RETURN(filled.shape, Shape(*document, item(1)));
  filled.fortran = item(3).integer != 0;
  const bool objects = filled.type.kind == 'O';
  if (item(4).kind != (objects ? Kind::kList : Kind::kBytes)) return Bad("an array without its contents");
  filled.bytes = item(4).text;
  if (objects) filled.items = item(4).items;
  filled.is_filled = true;
  KEELSON_RETURN_IF_ERROR(CheckFilled(filled));
  *array = std::move(filled);
  return {};
}

Result<std::optional<Ref>> Some(Result<Ref> made) {
  if (!made) return std::unexpected(std::move(made).error());
  return *made;
}

}  // namespace

Result<std::optional<Ref>> MakeNumpy(const Value& called, const Value& arguments, Document* document) {
  const std::string_view module = called.text;
  const std::string_view name = called.name;
  // Copies: what is made goes into the document, whose values then lie elsewhere.
  const Value given = arguments;
  if (module == "numpy" && name == "dtype") return Some(MakeType(*document, given, document));
  if (IsNumpyCore(module, "multiarray") && name == "_reconstruct") {
    Array array;
    array.shape = {0};
    return Some(document->AddArray(std::move(array)));
  }
  if (IsNumpyCore(module, "multiarray") && name == "scalar") return Some(MakeNumber(given, document));
  if (IsNumpyCore(module, "numeric") && name == "_frombuffer") return Some(MakeFromBuffer(given, document));
  if (module == "_codecs" && name == "encode") return Some(MakeBytes(given, document));
  if ((module == "copyreg" || module == "copy_reg") && name == "_reconstructor") {
    return Some(MakeObject(given, document));
  }
  return std::nullopt;
}

Status BuildNumpy(const Value& state, Document* document, Value* value) {
  if (value->kind == Kind::kType) return BuildType(state, document, &document->type(*value));
  return BuildArray(state, document, &document->array(*value));
}

}  // namespace keelson::sklearn
