#include "app/roles/metadata.h"

#include <gtest/gtest.h>

#include "io/files.h"
#include "io/temp_folder.h"

namespace keelson::app {
namespace {

class MetadataTest : public testing::Test {
 protected:
  io::TempFolder folder_ = *io::TempFolder::Make();
  std::string data_ = folder_.path();
};

TEST_F(MetadataTest, IsAFileInTheFolder) {
  EXPECT_TRUE(OpenMetadata(data_, "").has_value());
  EXPECT_TRUE(io::Exists(data_ + "/keelson.db"));
  EXPECT_EQ(*ForeignMetadata(data_), "");
  const auto moved = OpenMetadata(data_, "postgresql://me@/models");
  EXPECT_EQ(moved.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_NE(moved.error().message.find("keelson.db"), std::string::npos) << moved.error().message;
}

TEST_F(MetadataTest, AFolderStaysWithItsDatabase) {
  ASSERT_TRUE(io::WriteFileAtomically(data_ + "/database", "postgresql://me@/models\n").has_value());
  EXPECT_EQ(*ForeignMetadata(data_), "postgresql://me@/models");
  for (const char* url : {"", "postgresql://me@/others"}) {
    const auto opened = OpenMetadata(data_, url);
    EXPECT_EQ(opened.error().code, ErrorCode::kFailedPrecondition);
    EXPECT_NE(opened.error().message.find("postgresql://me@/models"), std::string::npos) << opened.error().message;
  }
  EXPECT_FALSE(io::Exists(data_ + "/keelson.db"));
}

TEST_F(MetadataTest, RefusesWhatIsNoUrlAndWhoIsNotThereAndChangesNothing) {
  EXPECT_EQ(OpenMetadata(data_, "mysql://x").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(OpenMetadata(data_, "postgresql://x?colour=blue").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(OpenMetadata(data_, "postgresql:///x?host=/nowhere").error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(io::ListFolder(data_)->empty());
}

}  // namespace
}  // namespace keelson::app
