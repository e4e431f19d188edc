#include "project/scalars.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <regex>

#include "base/strings.h"

namespace keelson::project {
namespace {

template <class T>
ShapeOf<T> Scalar(typename ScalarShape<T>::Definition definition) {
  return {std::make_shared<ScalarShape<T>>(std::move(definition))};
}

Json WriteText(const std::string& text) {
  return text;
}
Json WriteTextOrNothing(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

// What is wrong with a node that should be text; nothing when it is text.
std::optional<std::string> NotText(const YamlNode& node) {
  if (LooksLikeNumber(node)) return "a number where text is wanted; quote it if it is meant";
  if (LooksLikeBool(node)) return "true or false where text is wanted; quote it if it is meant";
  return std::nullopt;
}

using TextCheck = std::function<std::optional<std::string>(const std::string&)>;

ShapeOf<std::string> CheckedText(std::string expected, Json schema, TextCheck check,
                                 std::vector<std::string> candidates = {}, bool may_be_empty = false) {
  return Scalar<std::string>({std::move(expected),
                              [check = std::move(check)](const YamlNode& node) -> Scanned<std::string> {
                                if (auto wrong = NotText(node)) return std::unexpected(*wrong);
                                if (auto wrong = check(node.text)) return std::unexpected(*wrong);
                                return node.text;
                              },
                              may_be_empty ? WriteText : WriteTextOrNothing, std::move(schema), std::move(candidates)});
}

std::optional<double> PlainNumber(const YamlNode& node) {
  return LooksLikeNumber(node) ? ParseDouble(node.text) : std::nullopt;
}

std::unexpected<std::string> NotANumber(const YamlNode& node) {
  return std::unexpected<std::string>(node.quoted && ParseDouble(node.text) ? "text, because it is quoted" : "");
}

struct SizeUnit {
  std::string_view name;
  double bytes;
};
constexpr std::array kSizeUnits = {
    SizeUnit{"Ki", 1024.0}, SizeUnit{"Mi", 1048576.0}, SizeUnit{"Gi", 1073741824.0}, SizeUnit{"Ti", 1099511627776.0},
    SizeUnit{"k", 1e3},     SizeUnit{"M", 1e6},        SizeUnit{"G", 1e9},           SizeUnit{"T", 1e12}};

std::optional<double> ParseSize(std::string_view text) {
  for (const SizeUnit& unit : kSizeUnits) {
    if (!text.ends_with(unit.name)) continue;
    const auto number = ParseDouble(text.substr(0, text.size() - unit.name.size()));
    return number ? std::optional(*number * unit.bytes) : std::nullopt;
  }
  return ParseDouble(text);
}

// Why a path is no path inside the project's folder.
std::optional<std::string> BadPath(const std::string& path) {
  if (path.empty()) return "";
  if (path.front() == '/') return "an absolute path";
  if (path.find('\\') != std::string::npos) return "a path with \\";
  for (const char c : path) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) return "a path with control characters";
  }
  for (std::string_view part : Split(path, '/')) {
    if (part == "..") return "a path that leaves the project's folder";
    if (part.empty() || part == ".") return "a path with an empty part or a \".\"";
  }
  return std::nullopt;
}

}  // namespace

bool MatchesPattern(const std::string& text, const std::string& pattern) {
  return text.size() <= 256 &&
         std::regex_match(text, std::regex(pattern, std::regex::ECMAScript | std::regex::optimize));
}

bool LooksLikeNumber(const YamlNode& node) {
  if (node.kind != YamlNode::Kind::kScalar || node.quoted || node.text.empty()) return false;
  const char first = node.text.front() == '-' || node.text.front() == '+' ? (node.text + " ")[1] : node.text.front();
  const bool digits = (first >= '0' && first <= '9') || first == '.';
  return digits && ParseDouble(node.text.front() == '+' ? node.text.substr(1) : node.text).has_value();
}

bool LooksLikeBool(const YamlNode& node) {
  return node.kind == YamlNode::Kind::kScalar && !node.quoted && (node.text == "true" || node.text == "false");
}

ShapeOf<std::string> Text(std::string expected) {
  return CheckedText(std::move(expected), {{"type", "string"}, {"minLength", 1}},
                     [](const std::string& text) -> std::optional<std::string> {
                       if (Trim(text).empty()) return "empty";
                       return std::nullopt;
                     });
}

ShapeOf<std::string> TextOrEmpty(std::string expected) {
  return CheckedText(
      std::move(expected), {{"type", "string"}},
      [](const std::string&) -> std::optional<std::string> { return std::nullopt; }, {}, true);
}

ShapeOf<std::string> TextLike(std::string expected, std::string pattern) {
  Json schema = {{"type", "string"}, {"pattern", "^(?:" + pattern + ")$"}};
  return CheckedText(std::move(expected), std::move(schema),
                     [pattern = std::move(pattern)](const std::string& text) -> std::optional<std::string> {
                       if (!MatchesPattern(text, pattern)) return "";
                       return std::nullopt;
                     });
}

ShapeOf<std::string> Choice(std::vector<std::string> choices) {
  return CheckedText(
      OneOf(choices), {{"enum", choices}},
      [choices](const std::string& text) -> std::optional<std::string> {
        if (std::find(choices.begin(), choices.end(), text) == choices.end()) return "";
        return std::nullopt;
      },
      choices);
}

ShapeOf<std::string> Path(const std::string& expected) {
  return CheckedText(expected + ", relative to the project file and inside its folder",
                     {{"type", "string"}, {"minLength", 1}, {"not", {{"pattern", "^/|(^|/)\\.\\.?(/|$)|//|/$|\\\\"}}}},
                     BadPath);
}

ShapeOf<std::string> Parameter(std::string expected) {
  return Scalar<std::string>({std::move(expected),
                              [](const YamlNode& node) -> Scanned<std::string> { return node.text; },
                              WriteParameter,
                              {{"type", {"string", "number", "boolean"}}},
                              {}});
}

Json WriteParameter(const std::string& text) {
  Json value = Json::parse(text, nullptr, false);
  const bool same = (value.is_number() || value.is_boolean()) && value.dump() == text;
  return same ? value : Json(text);
}

ShapeOf<std::string> TimeZone() {
  return CheckedText("an IANA time zone such as America/New_York", {{"type", "string"}, {"minLength", 1}},
                     [](const std::string& text) -> std::optional<std::string> {
                       const auto calendar = Calendar::Open(text);
                       if (calendar) return std::nullopt;
                       const bool unknown = calendar.error().code == ErrorCode::kInvalidArgument;
                       return unknown ? "no such zone" : calendar.error().message;
                     });
}

ShapeOf<int> Int(int low, int high) {
  return Scalar<int>({fmt::format("a whole number from {} to {}", low, high),
                      [low, high](const YamlNode& node) -> Scanned<int> {
                        if (!LooksLikeNumber(node)) return NotANumber(node);
                        const auto number = ParseInt(node.text);
                        if (!number || *number < low || *number > high) return std::unexpected("");
                        return static_cast<int>(*number);
                      },
                      [](const int& value) -> Json { return value; },
                      {{"type", "integer"}, {"minimum", low}, {"maximum", high}},
                      {}});
}

ShapeOf<std::uint64_t> Seed() {
  constexpr std::int64_t kMost = std::int64_t{1} << 53;  // what every JSON reader keeps exactly
  return Scalar<std::uint64_t>({"a whole number from 0 to 2^53",
                                [](const YamlNode& node) -> Scanned<std::uint64_t> {
                                  if (!LooksLikeNumber(node)) return NotANumber(node);
                                  const auto number = ParseInt(node.text);
                                  if (!number || *number < 0 || *number > kMost) return std::unexpected("");
                                  return static_cast<std::uint64_t>(*number);
                                },
                                [](const std::uint64_t& value) -> Json { return value; },
                                {{"type", "integer"}, {"minimum", 0}, {"maximum", kMost}},
                                {}});
}

ShapeOf<double> Number(std::string expected, double low, double high) {
  Json schema = {{"type", "number"}};
  if (std::isfinite(low)) schema["minimum"] = low;
  if (std::isfinite(high)) schema["maximum"] = high;
  return Scalar<double>({std::move(expected),
                         [low, high](const YamlNode& node) -> Scanned<double> {
                           const auto number = PlainNumber(node);
                           if (!number) return NotANumber(node);
                           if (!std::isfinite(*number) || *number < low || *number > high) return std::unexpected("");
                           return *number;
                         },
                         [](const double& value) -> Json { return value; },
                         std::move(schema),
                         {}});
}

ShapeOf<double> PositiveNumber(std::string expected) {
  return Scalar<double>({std::move(expected),
                         [](const YamlNode& node) -> Scanned<double> {
                           const auto number = PlainNumber(node);
                           if (!number) return NotANumber(node);
                           if (!std::isfinite(*number) || *number <= 0) return std::unexpected("");
                           return *number;
                         },
                         [](const double& value) -> Json { return value; },
                         {{"type", "number"}, {"exclusiveMinimum", 0}},
                         {}});
}

ShapeOf<double> Share() {
  Json schema;
  schema["anyOf"] = {{{"type", "number"}, {"minimum", 0}, {"maximum", 1}},
                     {{"type", "string"}, {"pattern", "^[0-9]+(\\.[0-9]+)?%$"}}};
  return Scalar<double>({"a share such as 0.01 or 1%",
                         [](const YamlNode& node) -> Scanned<double> {
                           std::optional<double> share = PlainNumber(node);
                           if (!share && node.text.ends_with('%')) {
                             share = ParseDouble(node.text.substr(0, node.text.size() - 1));
                             if (share) *share /= 100;
                           }
                           if (!share) return NotANumber(node);
                           if (!(*share >= 0 && *share <= 1)) return std::unexpected("not between 0 and 1");
                           return *share;
                         },
                         [](const double& value) -> Json { return value; },
                         std::move(schema),
                         {}});
}

ShapeOf<double> Cpu() {
  Json schema;
  schema["anyOf"] = {{{"type", "number"}, {"exclusiveMinimum", 0}}, {{"type", "string"}, {"pattern", "^[0-9]+m$"}}};
  return Scalar<double>({"cores such as 2, 0.5 or 500m",
                         [](const YamlNode& node) -> Scanned<double> {
                           std::optional<double> cores = PlainNumber(node);
                           if (!cores && node.text.ends_with('m')) {
                             cores = ParseDouble(node.text.substr(0, node.text.size() - 1));
                             if (cores) *cores /= 1000;
                           }
                           if (!cores) return NotANumber(node);
                           if (!(*cores >= 0.001 && *cores <= 10000)) return std::unexpected("out of range");
                           return *cores;
                         },
                         [](const double& value) -> Json { return value; },
                         std::move(schema),
                         {}});
}

ShapeOf<std::uint64_t> Size() {
  Json schema;
  schema["anyOf"] = {{{"type", "integer"}, {"minimum", 1}},
                     {{"type", "string"}, {"pattern", "^[0-9]+(\\.[0-9]+)?(Ki|Mi|Gi|Ti|k|M|G|T)$"}}};
  return Scalar<std::uint64_t>({"a size such as 512Mi or 2Gi",
                                [](const YamlNode& node) -> Scanned<std::uint64_t> {
                                  const auto bytes = ParseSize(node.text);
                                  if (!bytes) return std::unexpected("");
                                  if (!(*bytes >= 1 && *bytes <= 1e15)) return std::unexpected("out of range");
                                  return static_cast<std::uint64_t>(*bytes);
                                },
                                [](const std::uint64_t& value) -> Json { return FormatSize(value); },
                                std::move(schema),
                                {}});
}

ShapeOf<Duration> Span(bool or_zero) {
  const std::string expected = "a span such as 30m, 6h or 7d";
  return Scalar<Duration>({expected,
                           [or_zero](const YamlNode& node) -> Scanned<Duration> {
                             if (LooksLikeNumber(node)) return std::unexpected("a number without a unit");
                             const auto span = ParseDuration(node.text);
                             if (!span) return std::unexpected("");
                             if (*span <= Duration{} && !or_zero) return std::unexpected("not above zero");
                             return *span;
                           },
                           [or_zero](const Duration& value) -> Json {
                             return value == Duration{} && !or_zero ? Json(nullptr) : Json(FormatDuration(value));
                           },
                           {{"type", "string"}, {"pattern", "^([0-9]+(\\.[0-9]+)?(us|ms|s|m|h|d|w))+$"}},
                           {}});
}

std::string FormatSize(std::uint64_t bytes) {
  for (const auto& [name, shift] : {std::pair{"Ti", 40}, {"Gi", 30}, {"Mi", 20}, {"Ki", 10}}) {
    if (bytes > 0 && bytes % (std::uint64_t{1} << shift) == 0) return fmt::format("{}{}", bytes >> shift, name);
  }
  return fmt::format("{}", bytes);
}

}  // namespace keelson::project
