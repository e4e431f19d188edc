#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "control/types.h"

namespace keelson::wire::api {

// The fields of an object of a request's body, each taken once; what is left is unknown. Errors are kInvalidArgument
// and say where: "artifacts[0].age".
class Fields {
 public:
  static Result<Fields> Of(const control::Json& json, std::string where);

  const control::Json* Take(const std::string& name);  // null when there is none; good while this lives
  Result<std::string> Text(const std::string& name, std::string otherwise);
  Result<std::optional<Duration>> Time(const std::string& name);
  Status Done() const;

  std::string Where(const std::string& name) const { return where_.empty() ? name : where_ + "." + name; }
  std::unexpected<Error> Wrong(const std::string& name, std::string_view expected) const;

 private:
  Fields(const control::Json& json, std::string where) : json_(json), where_(std::move(where)) {}

  control::Json json_;
  std::deque<control::Json> taken_;
  std::string where_;
};

}  // namespace keelson::wire::api
