#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace keelson::wire::inference {

// A path of the protocol's REST form, taken apart.
struct Route {
  enum class Kind { kServer, kLive, kReady, kModel, kModelReady, kInfer } kind = Kind::kServer;
  std::string model;    // decoded; "" for the first three
  std::string version;  // "" when the path names none
};

// Nothing for a path that is not of the protocol.
std::optional<Route> ParseRoute(std::string_view path);

}  // namespace keelson::wire::inference
