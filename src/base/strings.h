#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace keelson {

std::string HexEncode(std::string_view bytes);
std::optional<std::string> HexDecode(std::string_view text);  // nothing when the text is not pairs of hex digits

std::vector<std::string_view> Split(std::string_view text, char separator);  // "a,,b" gives {"a", "", "b"}; "" {""}
std::string Join(const std::vector<std::string>& parts, std::string_view separator);
std::string_view Trim(std::string_view text);  // without leading and trailing ASCII white space
std::string ToLower(std::string_view text);    // ASCII only

// Whole decimal numbers with nothing around them; nothing otherwise.
std::optional<std::int64_t> ParseInt(std::string_view text);
std::optional<double> ParseDouble(std::string_view text);

bool IsValidUtf8(std::string_view text);

// A JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD.
void AppendJsonString(std::string_view text, std::string& out);

// The candidate nearest to `wrong` within two edits (insert, delete, replace, swap); nothing when none is near.
std::optional<std::string> DidYouMean(std::string_view wrong, const std::vector<std::string>& candidates);

}  // namespace keelson
