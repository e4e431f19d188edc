#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "project/shape.h"

namespace keelson::project {

// Shapes of single values. Types are strict: `name: 5` is not text and `rounds: "200"` is not a number, so that a file
// means the same to us, to the JSON Schema and to every other YAML reader.

// Any text but the empty one.
ShapeOf<std::string> Text(std::string expected);
ShapeOf<std::string> TextOrEmpty(std::string expected);
// Text that matches a pattern (ECMAScript, the whole text).
ShapeOf<std::string> TextLike(std::string expected, std::string pattern);
// One of the given texts.
ShapeOf<std::string> Choice(std::vector<std::string> choices);
// A path of a file inside the project's folder: relative, with "/" and without "..".
ShapeOf<std::string> Path(const std::string& expected);
// Text, a number or true/false, kept as text: parameters that are passed on.
ShapeOf<std::string> Parameter(std::string expected);
// A kept text as the number or truth that it says, where nothing is lost by it ("007" stays text).
Json WriteParameter(const std::string& text);
// One of the machine's time zones: "America/New_York".
ShapeOf<std::string> TimeZone();

ShapeOf<int> Int(int low, int high);
ShapeOf<std::uint64_t> Seed();
ShapeOf<double> Number(std::string expected, double low, double high = std::numeric_limits<double>::infinity());
ShapeOf<double> PositiveNumber(std::string expected);
// 0.01 or "1%", at most 1.
ShapeOf<double> Share();
// Cores: 2, 0.5 or "500m"; above zero.
ShapeOf<double> Cpu();
// Bytes: 1073741824, "512Mi", "2Gi", "2G"; above zero.
ShapeOf<std::uint64_t> Size();
// As base/time.h reads them; above zero unless `or_zero`.
ShapeOf<Duration> Span(bool or_zero = false);

// Whether the whole text matches. Linear in the text for the patterns of this room, which have no nested repetition.
bool MatchesPattern(const std::string& text, const std::string& pattern);

// Whether YAML's core schema reads an unquoted scalar as this.
bool LooksLikeNumber(const YamlNode& node);
bool LooksLikeBool(const YamlNode& node);

// "2Gi" for 2 << 30; the largest binary unit that divides it.
std::string FormatSize(std::uint64_t bytes);

}  // namespace keelson::project
