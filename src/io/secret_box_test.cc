#include "io/secret_box.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "io/files.h"
#include "io/temp_folder.h"

namespace keelson::io {
namespace {

using testing::HasSubstr;
using testing::Not;

class SecretBoxTest : public testing::Test {
 protected:
  TempFolder folder_ = *TempFolder::Make();
  const std::string file_ = folder_.File("secrets.key");
};

TEST_F(SecretBoxTest, OpensWhatItSealedAlsoAfterARestart) {
  const std::string secret = "a secret with \n and \xc3\xa9";
  const std::string sealed = *SecretBox::WithKeyIn(file_).Seal(secret, "row 1");
  EXPECT_THAT(sealed, Not(HasSubstr("secret")));
  EXPECT_EQ(*SecretBox::WithKeyIn(file_).Open(sealed, "row 1"), secret);
  EXPECT_EQ(*SecretBox::WithKeyIn(file_).Open(*SecretBox::WithKeyIn(file_).Seal("", "row 1"), "row 1"), "");
}

TEST_F(SecretBoxTest, SealsTheSameTwiceInTwoWays) {
  const auto box = SecretBox::WithKeyOfItsOwn();
  EXPECT_NE(*box.Seal("a", "row"), *box.Seal("a", "row"));
}

TEST_F(SecretBoxTest, MakesNoFileBeforeItSealsAndNoneThatOthersRead) {
  const auto box = SecretBox::WithKeyIn(file_);
  EXPECT_EQ(box.Open(std::string(40, 'x'), "row").error().code, ErrorCode::kDataLoss);
  EXPECT_FALSE(Exists(file_));
  ASSERT_TRUE(box.Seal("a", "row").has_value());
  struct stat info {};
  ASSERT_EQ(stat(file_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(SecretBoxTest, OpensNothingThatWasChangedOrIsOfAnother) {
  const auto box = SecretBox::WithKeyIn(file_);
  const std::string sealed = *box.Seal("secret", "row 1");
  EXPECT_EQ(box.Open(sealed, "row 2").error().code, ErrorCode::kDataLoss);
  EXPECT_EQ(SecretBox::WithKeyOfItsOwn().Open(sealed, "row 1").error().code, ErrorCode::kDataLoss);
  for (std::size_t at = 0; at < sealed.size(); ++at) {
    std::string changed = sealed;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    EXPECT_FALSE(box.Open(changed, "row 1").has_value()) << at;
    EXPECT_FALSE(box.Open(sealed.substr(0, at), "row 1").has_value()) << at;
  }
}

TEST_F(SecretBoxTest, SaysWhatIsWrongWithTheFileOfTheKey) {
  const std::string sealed = *SecretBox::WithKeyIn(file_).Seal("secret", "row");
  ASSERT_TRUE(WriteFileAtomically(file_, "no key\n").has_value());
  const auto open = SecretBox::WithKeyIn(file_).Open(sealed, "row");
  EXPECT_EQ(open.error().code, ErrorCode::kDataLoss);
  EXPECT_EQ(open.error().where, file_);
  const auto seal = SecretBox::WithKeyIn(file_).Seal("secret", "row");  // and writes over nothing
  EXPECT_EQ(seal.error().code, ErrorCode::kDataLoss);
  EXPECT_EQ(*ReadFile(file_), "no key\n");
}

}  // namespace
}  // namespace keelson::io
