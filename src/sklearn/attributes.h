#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sklearn/python_document.h"

namespace keelson::sklearn {

// The classes that a classifier chooses among, in the order of its scores.
struct Labels {
  char kind = 'i';         // 'b', 'i', 'u', 'f' or 'U' (texts)
  std::uint32_t size = 8;  // bytes of a number
  std::vector<std::int64_t> ints;
  std::vector<double> doubles;
  std::vector<std::string> texts;

  std::size_t count() const { return ints.size() + doubles.size() + texts.size(); }
};

// An object of scikit-learn in a document, by its class and the attributes that fitting gave it. Errors are
// kUnsupported and name the attribute: what is not as the versions that we know leave it is another model than ours.
class Attributes {
 public:
  // Of a class by its name, with a dict of attributes. Refuses what could change what the class does: an attribute that
  // is itself a function, class or an object, but for those that are known; an output that is set to be a table; and a
  // version of scikit-learn that is not among those tested.
  static Result<Attributes> Of(const Document& document, const Value& object);

  std::string_view module() const { return class_->text; }
  std::string_view name() const { return class_->name; }
  int minor() const { return minor_; }  // of the version 1.minor that fitted it

  bool IsNone(std::string_view key) const;  // or not there
  bool Is(std::string_view key, std::string_view text) const;
  Result<const Value*> Get(std::string_view key) const;
  Result<std::int64_t> Int(std::string_view key) const;
  Result<double> Number(std::string_view key) const;  // also the only element of an array
  Result<bool> Bool(std::string_view key) const;
  Result<std::string> Text(std::string_view key) const;
  Result<std::vector<double>> Doubles(std::string_view key, std::size_t size) const;  // so many of them
  // An array of doubles (not of float32), with its shape.
  struct Matrix {
    std::vector<std::int64_t> shape;
    std::vector<double> values;
  };
  Result<Matrix> DoubleMatrix(std::string_view key) const;
  Result<Labels> ClassLabels(std::string_view key) const;
  std::optional<std::vector<std::string>> Names(std::string_view key) const;  // nothing when it is not there
  // The elements of a list, tuple or array of objects.
  Result<std::vector<Ref>> Items(std::string_view key) const;

  const Document& document() const { return *document_; }
  std::unexpected<Error> Unlike(std::string_view key) const;  // the error of an attribute that is not as we know it

 private:
  const Document* document_ = nullptr;
  const Value* class_ = nullptr;
  const Value* state_ = nullptr;
  int minor_ = 0;
};

// The versions of scikit-learn whose models we read: 1.kOldestMinor to 1.kNewestMinor, each tested.
inline constexpr int kOldestMinor = 5;
inline constexpr int kNewestMinor = 9;

}  // namespace keelson::sklearn
