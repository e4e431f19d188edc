#include "wire/mlflow_database/row_sum.h"

#include <gtest/gtest.h>

#include <vector>

namespace keelson::wire::mlflow_database {
namespace {

using io::SqlRow;

RowSum SumOf(const std::vector<SqlRow>& rows) {
  RowSum sum;
  for (const SqlRow& row : rows) sum.Add(row);
  return sum;
}

TEST(RowSum, IsTheSameInAnyOrder) {
  const SqlRow a = {std::string("a"), std::int64_t{1}};
  const SqlRow b = {std::string("b"), 2.5};
  EXPECT_EQ(SumOf({a, b, b}), SumOf({b, a, b}));
  EXPECT_EQ(SumOf({a, b}).rows(), 2u);
  EXPECT_EQ(SumOf({a, b}).Hex(), SumOf({b, a}).Hex());
  EXPECT_EQ(SumOf({}).Hex(), std::string(64, '0'));
}

TEST(RowSum, TellsWhateverDiffers) {
  const std::vector<SqlRow> rows = {
      {std::string("a"), std::string("b")},
      {std::string("ab"), std::string("")},
      {std::string(""), std::string("ab")},
      {std::string("ab")},
      {std::string("ab"), {}},
      {std::int64_t{1}},
      {1.0},
      {std::string("1")},
      {io::SqlBlob{"1"}},
      {std::monostate()},
      {},
      {std::string("n;")},
      {std::monostate(), std::monostate()},
      {std::string("b"), std::string("a")},
  };
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t j = 0; j < rows.size(); ++j) {
      EXPECT_EQ(SumOf({rows[i]}) == SumOf({rows[j]}), i == j) << i << " and " << j;
    }
    EXPECT_NE(SumOf({rows[i]}), SumOf({rows[i], rows[i]}));
  }
  EXPECT_EQ(SumOf({{0.0}}), SumOf({{-0.0}}));
}

}  // namespace
}  // namespace keelson::wire::mlflow_database
