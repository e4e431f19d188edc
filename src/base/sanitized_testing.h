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

// How many seeds or rounds a property test tries: what it wants; in a sanitized build, where memory and threads are
// what is looked at, a tenth of them.
constexpr int Rounds(int wanted) {
  if (!kSanitized) return wanted;
  return wanted < 10 ? 1 : wanted / 10;
}

}  // namespace keelson
