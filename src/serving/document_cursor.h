#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace keelson::serving {

enum class ValueKind { kNull, kBool, kNumber, kString, kArray, kObject, kNone };

std::string_view ValueKindName(ValueKind kind);  // "null", "a boolean", "a number", ...

// Pulls a tree-shaped document (JSON, UBJSON) value by value, straight into the caller's types, with no tree in memory:
// what is held is what the caller keeps, so a hostile file costs no more than its own size. The first problem sticks:
// every later call gives false, and problem() says what and at which byte. Nesting is limited to kMaxDepth. Not
// thread-safe.
//
//   if (!cursor.EnterObject()) ...
//   while (cursor.NextKey(&key)) { ... read or Skip exactly one value ... }
//   if (!cursor.ok()) ...
class DocumentCursor {
 public:
  static constexpr int kMaxDepth = 64;

  virtual ~DocumentCursor() = default;

  virtual ValueKind Peek() = 0;  // of the next value; kNone when there is none
  virtual bool EnterObject() = 0;
  virtual bool NextKey(std::string_view* key) = 0;  // false at the end; the key lives until the next call
  virtual bool EnterArray() = 0;
  virtual bool NextElement() = 0;  // false at the end
  virtual bool ReadString(std::string* value) = 0;
  virtual bool ReadBool(bool* value) = 0;
  virtual bool ReadInt(std::int64_t* value) = 0;  // a whole number, written as one
  virtual bool ReadFloat(float* value) = 0;       // correctly rounded from the text; NaN and Infinity too
  virtual bool Skip() = 0;                        // any one value, checked as it is passed
  virtual std::size_t offset() const = 0;         // of the next byte
  virtual bool Finish() = 0;                      // nothing but white space is left

  bool ReadFloats(std::vector<float>* values);       // a whole array of numbers
  bool ReadInts(std::vector<std::int32_t>* values);  // whole numbers or booleans, each within 32 bits

  bool ok() const { return problem_.empty(); }
  const std::string& problem() const { return problem_; }
  std::size_t problem_offset() const { return problem_offset_; }
  // Records a problem of the caller's own at the present byte, unless there is one already; gives false.
  bool Refuse(std::string problem) { return RefuseAt(std::move(problem), offset()); }

 protected:
  // Of the array just entered, when it declares its length: bounded by the bytes that are left.
  virtual std::size_t ElementsLeft() const { return 0; }
  bool RefuseAt(std::string problem, std::size_t where) {
    if (problem_.empty()) {
      problem_ = std::move(problem);
      problem_offset_ = where;
    }
    return false;
  }

 private:
  std::string problem_;
  std::size_t problem_offset_ = 0;
};

}  // namespace keelson::serving
