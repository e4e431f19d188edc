#include "io/foreign_database.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "io/temp_folder.h"

namespace keelson::io {
namespace {

class ForeignDatabaseTest : public testing::Test {
 protected:
  void SetUp() override {
    auto made = Database::Open(file_);
    ASSERT_TRUE(made.has_value());
    database_ = *std::move(made);
    ASSERT_TRUE(Run("CREATE TABLE t (a INTEGER)"));
    ASSERT_TRUE(Run("INSERT INTO t VALUES (1)"));
  }
  Status Run(std::string_view sql) {
    return database_->Write([&](SqlSession& session) -> Status {
      KEELSON_RETURN_IF_ERROR(session.Execute(sql));
      return {};
    });
  }

  TempFolder folder_ = *TempFolder::Make();
  const std::string file_ = folder_.File("theirs.db");
  std::unique_ptr<Database> database_;
};

TEST_F(ForeignDatabaseTest, IsASnapshotThatCannotBeChanged) {
  auto foreign = OpenForeignDatabase("sqlite:///" + file_);
  ASSERT_TRUE(foreign.has_value()) << foreign.error().message;
  EXPECT_EQ((*foreign)->Query("SELECT a FROM t")->size(), 1u);
  ASSERT_TRUE(Run("INSERT INTO t VALUES (2)"));
  EXPECT_EQ((*foreign)->Query("SELECT a FROM t")->size(), 1u);
  EXPECT_FALSE((*foreign)->Execute("INSERT INTO t VALUES (3)").has_value());
  EXPECT_EQ((*OpenForeignDatabase("sqlite+pysqlite:///" + file_))->Query("SELECT a FROM t")->size(), 2u);
}

TEST_F(ForeignDatabaseTest, SaysWhatItCannotOpen) {
  for (const std::string url : {"", "mlflow.db", "mysql://host/db", "sqlite://", "sqlite:///", "sqlite:x"}) {
    const auto refused = OpenForeignDatabase(url);
    ASSERT_FALSE(refused.has_value()) << url;
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument) << url;
  }
  const auto nothing = OpenForeignDatabase("sqlite:///" + folder_.File("none.db"));
  ASSERT_FALSE(nothing.has_value());
  EXPECT_EQ(nothing.error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(folder_.File("none.db")));
}

}  // namespace
}  // namespace keelson::io
