#include "io/http_sockets.h"

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netdb.h>

#include <cstring>

#include "io/http.h"

namespace {

constexpr const char* kTwoAddresses = "two-addresses.test";

using LookUp = int (*)(const char*, const char*, const addrinfo*, addrinfo**);

}  // namespace

// Takes the place of the resolver's in this program: the host above is at 127.0.0.2 and then at 127.0.0.1.
extern "C" int getaddrinfo(const char* host, const char* port, const addrinfo* hints, addrinfo** list) {
  static const auto look_up = reinterpret_cast<LookUp>(dlsym(RTLD_NEXT, "getaddrinfo"));
  if (host == nullptr || std::strcmp(host, kTwoAddresses) != 0) return look_up(host, port, hints, list);
  const int code = look_up("127.0.0.2", port, hints, list);
  return code != 0 ? code : look_up("127.0.0.1", port, hints, &(*list)->ai_next);
}

namespace keelson::io {
namespace {

TEST(HttpSockets, AHostIsReachedByAnyOfItsAddresses) {
  const auto server = HttpServer::Start({}, [](const HttpRequest&, const HttpRespond& respond) { respond({}); });
  ASSERT_TRUE(server) << server.error().ToString();
  const HttpTarget target{.host = kTwoAddresses, .port = (*server)->port()};
  ASSERT_EQ(AddressesOf(target)->size(), 2u);
  const auto answer = HttpConnection::Create(target)->Call({});
  EXPECT_TRUE(answer) << answer.error().ToString();
}

TEST(HttpSockets, AHostThatRefusesAtAllItsAddressesIsNotReached) {
  int free_port = 0;
  {
    const auto listening = ListenOn("127.0.0.1", 0, "");
    free_port = BoundPort(listening->get());
  }
  const auto answer = HttpConnection::Create({.host = kTwoAddresses, .port = free_port})->Call({});
  ASSERT_FALSE(answer);
  EXPECT_TRUE(IsConnectError(answer.error())) << answer.error().ToString();
}

TEST(HttpSockets, AHostWithoutAPublicAddressIsRefusedWhereNothingElseIsAllowed) {
  EXPECT_EQ(AddressesOf({.host = kTwoAddresses, .port = 80}, /*only_public=*/true).error().code,
            ErrorCode::kPermissionDenied);
}

}  // namespace
}  // namespace keelson::io
