#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "project/bundle.h"
#include "project/render.h"

namespace keelson::project {
namespace {

using Json = nlohmann::ordered_json;

std::string Short(const Json& value) {
  constexpr std::size_t kShown = 100;
  std::string text =
      value.is_string() ? value.get<std::string>() : value.dump(-1, ' ', false, Json::error_handler_t::replace);
  std::replace(text.begin(), text.end(), '\n', ' ');
  if (text.size() > kShown) text = text.substr(0, kShown) + "...";
  return text;
}

// Things with a name of their own stand at this depth: sources.flights.
bool GoesDeeper(const std::string& path) {
  return std::count(path.begin(), path.end(), '.') < 1;
}

void Compare(const std::string& path, const Json* before, const Json* after, std::vector<std::string>* lines) {
  const bool objects = (before == nullptr || before->is_object()) && (after == nullptr || after->is_object());
  if (objects && ((before != nullptr && after != nullptr) || GoesDeeper(path))) {
    static const Json none = Json::object();
    const Json& old_members = before == nullptr ? none : *before;
    const Json& new_members = after == nullptr ? none : *after;
    const auto inner = [&](const std::string& name) { return path.empty() ? name : path + "." + name; };
    for (const auto& [name, value] : old_members.items()) {
      const auto found = new_members.find(name);
      Compare(inner(name), &value, found == new_members.end() ? nullptr : &*found, lines);
    }
    for (const auto& [name, value] : new_members.items()) {
      if (!old_members.contains(name)) Compare(inner(name), nullptr, &value, lines);
    }
  } else if (before == nullptr) {
    lines->push_back(fmt::format("+ {}: {}", path, Short(*after)));
  } else if (after == nullptr) {
    lines->push_back(fmt::format("- {}: {}", path, Short(*before)));
  } else if (*before != *after) {
    lines->push_back(fmt::format("~ {}: {} -> {}", path, Short(*before), Short(*after)));
  }
}

std::ptrdiff_t Lines(const std::string& text) {
  return std::count(text.begin(), text.end(), '\n') + (text.empty() || text.ends_with('\n') ? 0 : 1);
}

}  // namespace

std::vector<std::string> Diff(const Bundle& before, const Bundle& after) {
  std::vector<std::string> lines;
  const auto old_project = ParseBundle(before);
  const auto new_project = ParseBundle(after);
  const bool compared = new_project && (old_project || before.files.empty());
  if (compared) {
    const Json new_json = ProjectJson(new_project->project);
    const Json old_json = old_project ? ProjectJson(old_project->project) : Json::object();
    Compare("", &old_json, &new_json, &lines);
  }
  for (const auto& [path, content] : before.files) {
    if (path == Bundle::kProjectFile && compared) continue;
    const auto found = after.files.find(path);
    if (found == after.files.end()) {
      lines.push_back("- " + path);
    } else if (found->second != content) {
      lines.push_back(fmt::format("~ {}: {} -> {} lines", path, Lines(content), Lines(found->second)));
    }
  }
  for (const auto& [path, content] : after.files) {
    if ((path == Bundle::kProjectFile && compared) || before.files.contains(path)) continue;
    lines.push_back(fmt::format("+ {}: {} {}", path, Lines(content), Lines(content) == 1 ? "line" : "lines"));
  }
  // A comment or a space was changed: a new revision all the same, and nothing that the project does.
  if (lines.empty() && before.files != after.files) lines.push_back("~ keelson.yaml: its text only, not its meaning");
  return lines;
}

}  // namespace keelson::project
