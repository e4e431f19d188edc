#include "kubernetes/changes/object_diff.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/strings.h"

namespace keelson::kubernetes {
namespace {

using nlohmann::json;

json Authored(json object) {
  object.erase("status");
  for (const char* field : {"uid", "resourceVersion", "generation", "creationTimestamp", "managedFields"}) {
    object["metadata"].erase(field);
  }
  return object;
}

std::string Short(const json& value) {
  constexpr std::size_t kShown = 100;
  std::string text =
      value.is_string() ? value.get<std::string>() : value.dump(-1, ' ', false, json::error_handler_t::replace);
  for (char& c : text) {
    if (c == '\n') c = ' ';
  }
  if (text.size() <= kShown) return text;
  text.resize(kShown);
  while (!IsValidUtf8(text)) text.pop_back();
  return text + "...";
}

}  // namespace

std::vector<std::string> DiffObjects(const json& before, const json& after) {
  const json from = Authored(before);
  std::vector<std::string> lines;
  // An operation speaks of the object as those before it have left it.
  json now = from;
  for (const json& operation : json::diff(from, Authored(after))) {
    const std::string path = operation.at("path");
    const json::json_pointer place(path);
    if (operation.at("op") == "add") {
      lines.push_back(fmt::format("+ {}: {}", path, Short(operation.at("value"))));
    } else if (operation.at("op") == "remove") {
      lines.push_back(fmt::format("- {}: {}", path, Short(now.at(place))));
    } else {
      lines.push_back(fmt::format("~ {}: {} -> {}", path, Short(now.at(place)), Short(operation.at("value"))));
    }
    now = now.patch(json::array({operation}));
  }
  return lines;
}

}  // namespace keelson::kubernetes
