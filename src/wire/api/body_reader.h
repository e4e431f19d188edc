#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "control/types.h"

namespace keelson::wire::api {

// The JSON object of a request's body. kInvalidArgument for what is something else, or nests deeper than anything of
// ours.
Result<control::Json> ObjectOfBody(const std::string& body);

// Fields of a request body: reads each once, then refuses what is left.
class BodyReader {
 public:
  static Result<BodyReader> Parse(const std::string& body);
  Result<std::string> Text(const std::string& name);
  std::optional<std::string> OptionalText(const std::string& name);
  Result<std::int64_t> Integer(const std::string& name);
  std::optional<control::Json> Any(const std::string& name);
  Status Done() const;  // kInvalidArgument names what was not read, or an optional text that was something else

 private:
  control::Json json_ = control::Json::object();
  std::string not_text_;
};

}  // namespace keelson::wire::api
