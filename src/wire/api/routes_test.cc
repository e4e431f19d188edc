#include "wire/api/routes.h"

#include <gtest/gtest.h>

namespace keelson::wire::api {
namespace {

TEST(RoutesTest, FindsARouteAndItsParts) {
  const Match match = FindRoute("POST", "/api/keelson/v1/projects/flights/sources/weather/rows");
  ASSERT_NE(match.route, nullptr);
  EXPECT_EQ(match.route->id, RouteId::kPushRows);
  EXPECT_EQ(match.parts, (std::vector<std::string>{"flights", "weather"}));
  EXPECT_EQ(FindRoute("GET", "/").route->id, RouteId::kPage);
  EXPECT_EQ(FindRoute("HEAD", "/").route->id, RouteId::kPage);
}

TEST(RoutesTest, TellsAnotherMethodFromNothing) {
  EXPECT_TRUE(FindRoute("PUT", "/api/keelson/v1/projects/p").other_method);
  for (const char* path :
       {"/api/keelson/v1/projects/", "/api/keelson/v1/projects//runs", "/v2/models/", "/nothing", "//"}) {
    const Match match = FindRoute("GET", path);
    EXPECT_EQ(match.route, nullptr) << path;
    EXPECT_FALSE(match.other_method) << path;
  }
}

TEST(RoutesTest, ClashesAreSeenByTheCheckThatTheBuildMakes) {
  static_assert(internal::Clash("/a/{}", "/a/b"));
  static_assert(internal::Clash("/a/{}/c", "/a/b/{}"));
  static_assert(!internal::Clash("/a/{}", "/a/b/c"));
  static_assert(!internal::Clash("/a", "/b"));
  static_assert(internal::Clash("/", "/"));
  static_assert(!internal::Clash("/", "/a"));
}

}  // namespace
}  // namespace keelson::wire::api
