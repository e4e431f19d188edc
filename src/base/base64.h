#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace keelson {

// RFC 4648 with padding.
std::string Base64Encode(std::string_view bytes);
// Also without padding and in the alphabet for URLs; nothing for any other character or an impossible length.
std::optional<std::string> Base64Decode(std::string_view text);

}  // namespace keelson
