#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace keelson::sklearn {

// The place of a value in its document.
using Ref = std::uint32_t;
inline constexpr Ref kNoRef = ~Ref{0};

// The type of a numpy array's elements.
struct ElementType {
  static constexpr std::size_t kMaxFields = 64;
  struct Field {
    std::string_view name;
    char kind;
    std::uint32_t size;
    std::uint32_t offset;
  };
  // As numpy's dtype.kind: 'b' bool, 'i', 'u', 'f', 'U' texts of 4 bytes a character, 'O' objects, 'V' fields.
  char kind = 'f';
  std::uint32_t size = 8;  // bytes of an element, padding included
  std::vector<Field> fields;
};

// A numpy array. What it holds lies in the document's source, or, of objects, in the document.
struct Array {
  ElementType type;
  std::vector<std::int64_t> shape;
  bool fortran = false;    // the first dimension runs fastest
  std::string_view bytes;  // size() elements, little-endian
  std::vector<Ref> items;  // of objects: the elements
  bool is_filled = false;

  std::size_t size() const;
};

// A value that Python wrote: what it is made of, and nothing that could be done with it.
struct Value {
  enum class Kind : std::uint8_t {
    kNone,
    kBool,    // integer
    kInt,     // integer
    kBigInt,  // a whole number beyond 64 bits, not kept
    kFloat,   // number
    kText,    // text
    kBytes,   // text
    kTuple,   // items
    kList,    // items
    kSet,     // items
    kDict,    // items: key, value, key, value, ...
    kGlobal,  // text: the module, name: what in it; a class or a function, never looked up
    kObject,  // items: the kGlobal that would make it, and its arguments; state
    kType,    // place: among the document's types
    kArray,   // place: among the document's arrays
  };
  Kind kind = Kind::kNone;
  std::uint32_t place = 0;
  std::int64_t integer = 0;
  double number = 0;
  std::string_view text;
  std::string_view name;
  std::vector<Ref> items;
  Ref state = kNoRef;
};

// A tree of values (a graph: a value may stand in several places), as a reader of a format leaves it. The source's
// bytes have to outlive it.
class Document {
 public:
  // How many values a document may have; a forest of 1,000 trees has some 60,000.
  static constexpr std::size_t kMaxValues = 2'000'000;

  const Value& at(Ref ref) const { return values_[ref]; }
  const Value& root() const { return values_[root_]; }
  const Array& array(const Value& value) const { return arrays_[value.place]; }
  const ElementType& type(const Value& value) const { return types_[value.place]; }
  std::size_t size() const { return values_.size(); }

  // The value of a text key of a dict, of equal keys the last; null when there is none.
  const Value* Find(const Value& dict, std::string_view key) const;

  // For readers. kResourceExhausted over kMaxValues.
  Result<Ref> Add(Value value);
  Result<Ref> AddArray(Array array);
  Result<Ref> AddType(ElementType type);
  Value& value(Ref ref) { return values_[ref]; }
  Array& array(Value& value) { return arrays_[value.place]; }
  ElementType& type(Value& value) { return types_[value.place]; }
  std::string_view Own(std::string text);  // keeps what is not in the source as it is
  void SetRoot(Ref root) { root_ = root; }

 private:
  std::vector<Value> values_;
  std::vector<Array> arrays_;
  std::vector<ElementType> types_;
  std::deque<std::string> owned_;
  Ref root_ = 0;
};

// numpy's short name of a type without fields: "f8", "<i4", "|b1", "U5", "O8". kUnsupported for another kind (times,
// complex numbers, halves) and for big-endian.
Result<ElementType> ParseElementType(std::string_view name);
// Checks that `bytes` hold the array's elements.
Status CheckFilled(const Array& array);

// The elements in row-major order. kUnsupported for elements of another kind. Objects that are numbers (texts) are
// taken for such.
Result<std::vector<double>> DoublesOf(const Document& document, const Array& array);
Result<std::vector<std::int64_t>> IntsOf(const Document& document, const Array& array);
Result<std::vector<std::string>> TextsOf(const Document& document, const Array& array);
// A field of each element of an array with fields, which has one dimension.
Result<std::vector<double>> FieldDoubles(const Array& array, std::string_view field);
Result<std::vector<std::int64_t>> FieldInts(const Array& array, std::string_view field);

// The number or text that is all of `bytes`. kInvalidArgument for another size, kUnsupported for objects and fields.
Result<Value> ReadScalar(const ElementType& type, std::string_view bytes, Document* document);

}  // namespace keelson::sklearn
