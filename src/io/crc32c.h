#pragma once

#include <cstdint>
#include <string_view>

namespace keelson::io {

// CRC-32C (Castagnoli), as in iSCSI and ext4: Crc32c("123456789") == 0xe3069283. Uses the processor's instruction where
// there is one. `before` is the sum of what stands before these bytes: Crc32c("b", Crc32c("a")) == Crc32c("ab"). Safe
// from any thread.
std::uint32_t Crc32c(std::string_view bytes, std::uint32_t before = 0);

// The same by table, for processors without the instruction; public so that a test can hold the two equal.
std::uint32_t Crc32cByTable(std::string_view bytes, std::uint32_t before = 0);

}  // namespace keelson::io
