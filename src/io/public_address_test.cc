#include "io/public_address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/http.h"
#include "io/interruptible_connection.h"

namespace keelson::io {
namespace {

TEST(PublicAddress, KnowsWhatIsNotOfThePublicInternet) {
  for (const char* address : {"0.0.0.0",
                              "10.0.0.1",
                              "100.64.0.1",
                              "100.127.255.255",
                              "127.0.0.1",
                              "127.8.8.8",
                              "169.254.169.254",
                              "172.16.0.1",
                              "172.31.255.255",
                              "192.0.0.1",
                              "192.0.2.7",
                              "192.168.1.1",
                              "198.18.0.1",
                              "198.19.255.255",
                              "198.51.100.1",
                              "203.0.113.9",
                              "224.0.0.1",
                              "240.0.0.1",
                              "255.255.255.255",
                              "::",
                              "::1",
                              "::127.0.0.1",
                              "::ffff:127.0.0.1",
                              "::ffff:10.1.2.3",
                              "64:ff9b::10.0.0.1",
                              "64:ff9b:1::1",
                              "100::1",
                              "2001:db8::1",
                              "2001:2::1",
                              "2002:7f00:1::",
                              "2002:a00:1::1",
                              "3fff::1",
                              "fc00::1",
                              "fd12:3456::1",
                              "fe80::1",
                              "fec0::1",
                              "ff02::1",
                              "",
                              "localhost",
                              "127.1",
                              "1.2.3.4.5"}) {
    EXPECT_FALSE(IsPublicAddress(address)) << address;
  }
}

TEST(PublicAddress, KnowsWhatIs) {
  for (const char* address :
       {"1.1.1.1", "8.8.8.8", "93.184.216.34", "100.63.255.255", "100.128.0.1", "172.15.255.255", "172.32.0.1",
        "192.0.0.9", "192.167.255.255", "198.17.255.255", "198.20.0.1", "223.255.255.255", "2606:2800:220:1::1",
        "2001:4860:4860::8888", "2001:20::1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1"}) {
    EXPECT_TRUE(IsPublicAddress(address)) << address;
  }
}

TEST(PublicAddress, ReadsWhatTheResolverGives) {
  EXPECT_THAT(*ResolveHost("127.0.0.1"), testing::ElementsAre("127.0.0.1"));
  EXPECT_THAT(*ResolveHost("::1"), testing::ElementsAre("::1"));
  EXPECT_EQ(ResolveHost("no such host").error().code, ErrorCode::kNotFound);
}

// What is looked at is the address that is connected to: a name that leads elsewhere by then helps nobody.
TEST(PublicAddress, AConnectionThatMayGoThereAloneGoesNowhereElse) {
  bool asked = false;
  const auto server = *HttpServer::Start({}, [&](HttpRequest, const HttpRespond& respond) {
    asked = true;
    respond({});
  });
  for (const char* host : {"127.0.0.1", "localhost"}) {
    const HttpTarget target{.host = host, .port = server->port()};
    const auto answer = InterruptibleConnection::Create(target, Reach::kPublic)->Call({});
    ASSERT_FALSE(answer.has_value());
    EXPECT_EQ(answer.error().code, ErrorCode::kPermissionDenied);
    EXPECT_THAT(answer.error().message, testing::HasSubstr("not a public address"));
  }
  EXPECT_FALSE(asked);
  EXPECT_TRUE(InterruptibleConnection::Create({.port = server->port()})->Call({}).has_value());
  EXPECT_TRUE(asked);
}

}  // namespace
}  // namespace keelson::io
