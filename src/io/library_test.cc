#include "io/library.h"

#include <gtest/gtest.h>

namespace keelson::io {
namespace {

TEST(LibraryTest, OpensOursOnceAndFindsSymbols) {
  const auto library = OpenLibrary("libxgboost.so");
  ASSERT_TRUE(library.has_value()) << library.error().ToString();
  EXPECT_EQ(*OpenLibrary("libxgboost.so"), *library);
  EXPECT_TRUE(FindSymbol(*library, "XGBoostVersion").has_value());
  EXPECT_EQ(FindSymbol(*library, "NoSuchFunction").error().code, ErrorCode::kUnsupported);
}

TEST(LibraryTest, AMissingLibraryIsNamed) {
  const auto library = OpenLibrary("libnothing.so");
  ASSERT_FALSE(library.has_value());
  EXPECT_NE(library.error().where.find("libnothing.so"), std::string::npos);
}

}  // namespace
}  // namespace keelson::io
