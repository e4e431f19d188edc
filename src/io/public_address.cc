#include "io/public_address.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <optional>

namespace keelson::io {
namespace {

using Address = std::array<unsigned char, 16>;  // of IPv6; one of IPv4 as ::ffff:a.b.c.d

struct Block {
  Address network{};
  std::size_t bits = 0;
};

constexpr std::array<unsigned char, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

std::optional<Address> Parse(std::string_view text) {
  const std::string zero_ended(text);
  Address address{};
  if (inet_pton(AF_INET6, zero_ended.c_str(), address.data()) == 1) return address;
  std::ranges::copy(kMapped, address.begin());
  if (inet_pton(AF_INET, zero_ended.c_str(), address.data() + kMapped.size()) == 1) return address;
  return std::nullopt;
}

bool IsMapped(const Address& address) {
  return std::equal(kMapped.begin(), kMapped.end(), address.begin());
}

// "10.0.0.0/8"
Block BlockOf(std::string_view text) {
  const std::size_t slash = text.find('/');
  Block block{*Parse(text.substr(0, slash)), 0};
  for (const char c : text.substr(slash + 1)) block.bits = block.bits * 10 + static_cast<std::size_t>(c - '0');
  if (IsMapped(block.network)) block.bits += 8 * kMapped.size();
  return block;
}

template <std::size_t kCount>
std::array<Block, kCount> BlocksOf(const std::array<std::string_view, kCount>& texts) {
  std::array<Block, kCount> blocks;
  std::ranges::transform(texts, blocks.begin(), BlockOf);
  return blocks;
}

bool Holds(const Block& block, const Address& address) {
  const std::size_t whole = block.bits / 8;
  if (!std::equal(address.begin(), address.begin() + static_cast<std::ptrdiff_t>(whole), block.network.begin()))
    return false;
  if (block.bits % 8 == 0) return true;
  const unsigned shift = 8 - static_cast<unsigned>(block.bits % 8);
  return address[whole] >> shift == block.network[whole] >> shift;
}

template <typename Blocks>
bool AnyHolds(const Blocks& blocks, const Address& address) {
  return std::ranges::any_of(blocks, [&](const Block& block) { return Holds(block, address); });
}

Address Carried(const unsigned char* four) {
  Address address{};
  std::ranges::copy(kMapped, address.begin());
  std::copy(four, four + 4, address.begin() + kMapped.size());
  return address;
}

// The address of IPv4 that one of IPv6 stands for, else itself.
Address Unwrapped(const Address& address) {
  static const Block kNat64 = BlockOf("64:ff9b::/96");
  static const Block k6to4 = BlockOf("2002::/16");
  if (Holds(kNat64, address)) return Carried(address.data() + 12);
  if (Holds(k6to4, address)) return Carried(address.data() + 2);
  return address;
}

bool IsPublic(const Address& given) {
  static const auto kSpecial = BlocksOf(std::to_array<std::string_view>(
      {"0.0.0.0/8",      "10.0.0.0/8",    "100.64.0.0/10",  "127.0.0.0/8",    "169.254.0.0/16", "172.16.0.0/12",
       "192.0.0.0/24",   "192.0.2.0/24",  "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",  "198.51.100.0/24",
       "203.0.113.0/24", "224.0.0.0/4",   "240.0.0.0/4",    "::/96",          "64:ff9b:1::/48", "100::/64",
       "2001::/23",      "2001:db8::/32", "3fff::/20",      "5f00::/16",      "fc00::/7",       "fe80::/10",
       "fec0::/10",      "ff00::/8"}));
  // Within them, what may be asked from anywhere all the same.
  static const auto kReachable =
      BlocksOf(std::to_array<std::string_view>({"192.0.0.9/32", "192.0.0.10/32", "2001:1::1/128", "2001:1::2/128",
                                                "2001:3::/32", "2001:4:112::/48", "2001:20::/28", "2001:30::/28"}));
  const Address address = Unwrapped(given);
  return !AnyHolds(kSpecial, address) || AnyHolds(kReachable, address);
}

std::optional<Address> AddressOf(const sockaddr& address) {
  Address found{};
  if (address.sa_family == AF_INET) {
    sockaddr_in four{};
    std::memcpy(&four, &address, sizeof four);
    return Carried(reinterpret_cast<const unsigned char*>(&four.sin_addr));
  }
  if (address.sa_family != AF_INET6) return std::nullopt;
  sockaddr_in6 six{};
  std::memcpy(&six, &address, sizeof six);
  std::memcpy(found.data(), &six.sin6_addr, found.size());
  return found;
}

}  // namespace

bool IsPublicAddress(const sockaddr& address) {
  const auto found = AddressOf(address);
  return found && IsPublic(*found);
}

bool IsPublicAddress(std::string_view address) {
  const auto found = Parse(address);
  return found && IsPublic(*found);
}

std::string AddressText(const sockaddr& address) {
  const auto found = AddressOf(address);
  if (!found) return "";
  std::array<char, INET6_ADDRSTRLEN> text{};
  const bool four = address.sa_family == AF_INET;
  inet_ntop(four ? AF_INET : AF_INET6, found->data() + (four ? kMapped.size() : 0), text.data(), text.size());
  return text.data();
}

Result<std::vector<std::string>> ResolveHost(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (const int code = getaddrinfo(host.c_str(), nullptr, &hints, &list); code != 0) {
    return Fail(ErrorCode::kNotFound, gai_strerror(code), host);
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(list, &freeaddrinfo);
  std::vector<std::string> addresses;
  for (const addrinfo* each = list; each != nullptr; each = each->ai_next) {
    addresses.push_back(AddressText(*each->ai_addr));
  }
  return addresses;
}

}  // namespace keelson::io
