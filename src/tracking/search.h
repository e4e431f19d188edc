#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/database.h"

namespace keelson::tracking {

// A search as a tree: what a filter and an order mean, whatever language said them. Compiled to SQL in which every
// value and every key is bound.

enum class Compare {
  kEqual,
  kNotEqual,
  kLess,
  kLessOrEqual,
  kGreater,
  kGreaterOrEqual,
  kLike,   // '%' any text, '_' one character, letter case counts
  kILike,  // the same without letter case (ASCII)
  kRLike,  // a regular expression of Perl's kind is found in it
  kIn,
  kNotIn,
  kIsNull,  // there is no such tag or param
  kIsNotNull,
};

enum class Entity { kAttribute, kMetric, kParam, kTag, kDataset };

struct Condition {
  Entity entity = Entity::kAttribute;
  std::string key;  // a name of the entity's own: "run_id", "accuracy", "mlflow.source.name"
  Compare compare = Compare::kEqual;
  std::vector<io::SqlValue> values;  // one; several for kIn and kNotIn; none for kIsNull and kIsNotNull
};

struct Order {
  Entity entity = Entity::kAttribute;
  std::string key;
  bool ascending = true;
};

struct Search {
  std::vector<Condition> conditions;  // all must hold
  std::vector<Order> order;
  std::int64_t at_most = 1000;
  std::string page;  // a token of an earlier page; "" for the first
};

// SQL and the values of its '?', in their order.
struct SqlText {
  std::string text;
  std::vector<io::SqlValue> values;

  void Add(std::string_view more) { text += more; }
  void Add(std::string_view more, io::SqlValue value) {
    text += more;
    values.push_back(std::move(value));
  }
  void Add(const SqlText& more) {
    text += more.text;
    values.insert(values.end(), more.values.begin(), more.values.end());
  }
};

// 1 where an expression has no value, else 0: to sort by, which in PostgreSQL a truth is not comparable enough for.
SqlText IsNullSql(const SqlText& expression);

// "COLUMN OP ?": `column` is SQL of ours, never a user's text.
SqlText CompareSql(std::string_view column, Compare compare, const std::vector<io::SqlValue>& values);

// One column that rows are ordered by: an expression of ours with its own values. A nullable one is given as two: first
// whether it is NULL.
struct SortColumn {
  SqlText expression;
  bool ascending = true;
};

// "SELECT id, s0, s1, ... FROM (SELECT ...) WHERE ... ORDER BY s0, s1 DESC, ... LIMIT n": `from` is "FROM table WHERE
// ..." and `id` the column that names a row. The last of `columns` is unique, so that a page's token, the sort values
// of its last row, says exactly where the next one begins. Gives at most `at_most` + 1 rows: one more says that there
// is a further page. kInvalidArgument for a token that no page of the same order gave.
Result<SqlText> PagedSql(std::string_view id, const SqlText& from, const std::vector<SortColumn>& columns,
                         const Search& search);

// The token of the page that ends with `row`, of PagedSql's answer.
std::string PageToken(const io::SqlRow& row, const std::vector<SortColumn>& columns);
// The sort values that it holds, as many as there are columns, of any type; kInvalidArgument as PagedSql.
Result<std::vector<io::SqlValue>> ReadPageToken(std::string_view token, const std::vector<SortColumn>& columns);

}  // namespace keelson::tracking
