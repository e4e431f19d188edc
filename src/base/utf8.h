#pragma once

#include <cstdint>
#include <string>

namespace keelson {

// Appends a code point, at most 0x10FFFF, in UTF-8. Surrogates are the caller's to refuse or to join.
void AppendUtf8(std::uint32_t code, std::string& out);

}  // namespace keelson
