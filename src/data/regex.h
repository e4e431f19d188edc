#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace keelson::data {

// A regular expression (PCRE2 in UTF mode, compiled to machine code) with bounds on time and memory, so that neither a
// pattern nor a text can stop the process. Immutable; safe from any thread.
class Regex {
 public:
  // kInvalidArgument says what is wrong with the pattern and where in it.
  static Result<Regex> Compile(std::string_view pattern);

  // Whether it matches anywhere in the text, which is UTF-8. kResourceExhausted when it took too long.
  Result<bool> Search(std::string_view text) const;

 private:
  struct Code;
  explicit Regex(std::shared_ptr<const Code> code);
  std::shared_ptr<const Code> code_;
};

}  // namespace keelson::data
