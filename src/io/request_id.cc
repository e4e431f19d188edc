#include "io/request_id.h"

#include <fmt/core.h>
#include <sys/random.h>

#include <algorithm>
#include <cstdlib>

namespace keelson::io {
namespace {

std::uint64_t Seed() {
  std::uint64_t seed = 0;
  if (getrandom(&seed, sizeof seed, 0) != sizeof seed) std::abort();
  return seed;
}

}  // namespace

bool IsSaneRequestId(std::string_view id) {
  return !id.empty() && id.size() <= 128 && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == ':' || c == '-';
  });
}

RequestIds::RequestIds() : random_(Seed()) {}

std::string RequestIds::Make() {
  return fmt::format("{:016x}{:016x}", random_.Next(), random_.Next());
}

}  // namespace keelson::io
