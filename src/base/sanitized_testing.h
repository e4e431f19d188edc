#pragma once

namespace keelson {

// Whether this build is one of script/build --sanitize, in which everything takes ten times as long and more: a test
// that is about amounts then takes smaller ones.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define KEELSON_SANITIZED_BUILD
#endif
#endif
#ifdef KEELSON_SANITIZED_BUILD
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace keelson
