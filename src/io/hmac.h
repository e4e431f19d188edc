#pragma once

#include <string>
#include <string_view>

namespace keelson::io {

// HMAC (RFC 2104) with SHA-256: the 32 bytes of the digest.
std::string HmacSha256(std::string_view key, std::string_view text);

}  // namespace keelson::io
