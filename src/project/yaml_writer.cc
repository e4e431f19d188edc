#include "project/yaml_writer.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/strings.h"

namespace keelson::project {
namespace {

using Json = nlohmann::ordered_json;

// Whether a text may stand without quotes, in block and in flow style, in YAML 1.1 and 1.2.
bool IsPlain(const std::string& text) {
  if (text.empty() || text.size() > 200) return false;
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '/';
  };
  if (!is_letter(text.front()) || text.back() == ' ' || text.back() == ':') return false;
  const bool safe = std::all_of(text.begin(), text.end(), [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') ||
           std::string_view(" .-+*/<>=()%:").find(c) != std::string_view::npos;
  });
  if (!safe || text.find(": ") != std::string::npos) return false;
  static constexpr std::array<std::string_view, 8> kWords = {"true", "false", "null", "yes", "no", "on", "off", "y"};
  const std::string lower = ToLower(text);
  return lower != "n" && std::find(kWords.begin(), kWords.end(), lower) == kWords.end();
}

// A span such as 6h begins with a digit, and is no number to any reader.
bool IsSpan(const std::string& text) {
  if (text.empty() || text.size() > 30 || text.front() < '0' || text.front() > '9') return false;
  static constexpr std::string_view kUnits = "smhdwiKMGT";
  if (kUnits.find(text.back()) == std::string_view::npos) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || c == '.' || std::string_view("usmhdwiKMGT").find(c) != std::string_view::npos;
  });
}

std::string Scalar(const Json& value) {
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    if (IsPlain(text) || IsSpan(text)) return text;
  }
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

bool IsScalar(const Json& value) {
  return !value.is_structured() || value.empty();
}

std::string Key(const std::string& name) {
  return Scalar(Json(name));
}

// Appends `value`, whose first line begins where the text stands; further lines are indented.
void Append(const Json& value, std::size_t indentation, std::string* text) {
  const std::string spaces(indentation, ' ');
  bool first = true;
  const auto start_line = [&] {
    if (!first) *text += spaces;
    first = false;
  };
  if (IsScalar(value)) {
    *text += Scalar(value) + "\n";
  } else if (value.is_array()) {
    for (const Json& item : value) {
      start_line();
      *text += "- ";
      Append(item, indentation + 2, text);
    }
  } else {
    for (const auto& [name, member] : value.items()) {
      start_line();
      *text += Key(name) + ":";
      if (IsScalar(member)) {
        *text += " " + Scalar(member) + "\n";
      } else {
        const bool short_list = member.is_array() && std::all_of(member.begin(), member.end(), IsScalar) &&
                                member.dump(-1, ' ', false, Json::error_handler_t::replace).size() < 80;
        if (short_list) {
          *text += " [";
          for (std::size_t i = 0; i < member.size(); ++i) *text += (i > 0 ? ", " : "") + Scalar(member[i]);
          *text += "]\n";
        } else {
          *text += "\n" + spaces + "  ";
          Append(member, indentation + 2, text);
        }
      }
    }
  }
}

}  // namespace

std::string ToYaml(const Json& value) {
  std::string text;
  Append(value, 0, &text);
  return text;
}

std::string ToYamlDocuments(const std::vector<Json>& values) {
  std::string text;
  for (const Json& value : values) text += (text.empty() ? "" : "---\n") + ToYaml(value);
  return text;
}

}  // namespace keelson::project
