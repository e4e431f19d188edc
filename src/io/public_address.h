#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

struct sockaddr;

namespace keelson::io {

// Whether an address is one of the public Internet, and not one of this machine, of a private, shared or link-local
// network (a cloud's metadata stand there), of documentation or of a group, by IANA's registries of special purpose
// addresses. An IPv6 address that carries one of IPv4 (mapped, 6to4, NAT64) is judged by that. What is no address is
// not public.
bool IsPublicAddress(const sockaddr& address);
bool IsPublicAddress(std::string_view address);

// The address as people write it, without a port; "" for another family than IP.
std::string AddressText(const sockaddr& address);

// The addresses of a host by the machine's resolver, at least one; may wait for it. kNotFound says why there is none.
Result<std::vector<std::string>> ResolveHost(const std::string& host);

}  // namespace keelson::io
