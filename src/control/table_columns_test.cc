#include "control/table_columns.h"

#include <gtest/gtest.h>

namespace keelson::control {
namespace {

using data::ColumnType;

TEST(TableColumnsTest, FurtherColumnsGoAndMissingOnesAreNull) {
  data::Table rows(data::Schema{{"a", ColumnType::kDouble}, {"id", ColumnType::kString}, {"n", ColumnType::kInt64}});
  ASSERT_TRUE(rows.AppendRow({1.5, std::string("r1"), std::int64_t{7}}));
  ASSERT_TRUE(rows.AppendRow({2.5, std::string("r2"), std::monostate{}}));
  const data::Schema wanted = {{"n", ColumnType::kInt64}, {"a", ColumnType::kDouble}, {"new", ColumnType::kString}};
  const data::Table table = WithColumns(rows, wanted);
  EXPECT_EQ(table.schema(), wanted);
  ASSERT_EQ(table.rows(), 2u);
  EXPECT_EQ(table.Find("a")->doubles, (std::vector<double>{1.5, 2.5}));
  EXPECT_EQ(table.Find("n")->ints.at(0), 7);
  EXPECT_TRUE(table.Find("n")->is_null(1));
  EXPECT_TRUE(table.Find("new")->is_null(0) && table.Find("new")->is_null(1));
}

TEST(TableColumnsTest, AColumnOfAnotherTypeIsAnotherColumn) {
  data::Table rows(data::Schema{{"a", ColumnType::kString}});
  ASSERT_TRUE(rows.AppendRow({std::string("text")}));
  const data::Table table = WithColumns(rows, {{"a", ColumnType::kDouble}});
  EXPECT_TRUE(table.Find("a")->is_null(0));
}

}  // namespace
}  // namespace keelson::control
