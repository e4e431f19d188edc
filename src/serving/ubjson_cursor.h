#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "serving/document_cursor.h"

namespace keelson::serving {

// A reader of UBJSON (draft 12) over bytes that outlive it, as XGBoost writes and reads it: strongly typed arrays
// ("[$d#L..."), counted and plain arrays and objects, all number types but the high-precision ones. Counts are held
// against the bytes that are left before anything is allocated.
class UbjsonCursor final : public DocumentCursor {
 public:
  explicit UbjsonCursor(std::string_view bytes) : bytes_(bytes) {}

  ValueKind Peek() override;
  bool EnterObject() override;
  bool NextKey(std::string_view* key) override;
  bool EnterArray() override;
  bool NextElement() override;
  bool ReadString(std::string* value) override;
  bool ReadBool(bool* value) override;
  bool ReadInt(std::int64_t* value) override;
  bool ReadFloat(float* value) override;
  bool Skip() override;
  std::size_t offset() const override { return at_; }
  bool Finish() override;

 protected:
  std::size_t ElementsLeft() const override { return static_cast<std::size_t>(levels_.back().left); }

 private:
  // An open array or object. `left` counts down when the count was declared; `type` is the marker of a typed array's
  // elements, which carry none of their own.
  struct Level {
    bool counted = false;
    std::uint64_t left = 0;
    char type = 0;
  };

  bool Open(char open, std::string_view what);
  bool More(char close);  // whether the innermost level has another member
  bool TakeMarker(char* marker);
  bool ReadCount(std::uint64_t* count);
  bool IntegerOf(char marker, std::int64_t* value);
  bool NumberOf(char marker, double* value);
  template <typename T>
  bool Raw(T* value);
  bool Text(std::string_view* text);
  char NextMarker();  // without taking it; 0 at the end

  std::string_view bytes_;
  std::size_t at_ = 0;
  std::vector<Level> levels_;
};

}  // namespace keelson::serving
