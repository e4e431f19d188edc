#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "data/table.h"

namespace keelson::features {

class BoundExpression;

// A formula over the columns of one row: what an aggregate runs over, or a model's label. SQL's meaning, Python's
// comfort:
//
//   arr_delay > 15          a + b * 2          carrier == 'UA' and not (tail is null)          min(max(delay, -30),
//   120)
//
//   or   and   not   == = != <> < <= > >=   is null   is not null   + -   * /   - (sign)   ( )
//   abs(x)  log(x)  min(x, y, ...)  max(x, y, ...)  coalesce(x, ...)   1.5e3   'it''s text'   true  false   name  `any
//   name`
//
// Words are case-insensitive but for column names. A null operand makes the result null, but for `is null`, coalesce,
// and and/or where the other operand decides. So does a result that is no finite number (division by zero, log of 0).
// Numbers are doubles; integers beyond 2^53 lose their last digits. Truth is 1 or 0 wherever a number is wanted.
//
// Immutable; safe from any thread.
class Expression {
 public:
  static constexpr std::size_t kMaximumLength = 4096;  // characters
  static constexpr int kMaximumDepth = 48;             // nested parentheses, signs, calls and operands

  // Errors are kInvalidArgument with `where` = "column N", counted from 1 in bytes of `text`.
  static Result<Expression> Parse(std::string_view text);

  // The columns that it mentions, each once, in the order of their first mention.
  const std::vector<std::string>& columns() const { return columns_; }
  const std::string& text() const { return text_; }

  // Checks that `schema` has the columns and that types fit: kInvalidArgument with position, and "did you mean".
  Result<BoundExpression> Bind(const data::Schema& schema) const;

 private:
  friend class ExpressionParser;
  friend class BoundExpression;

  // A program for a stack machine: operands before their operator.
  enum class Op : std::uint8_t {
    kNumber,
    kText,
    kTruth,
    kColumn,
    kAdd,
    kSubtract,
    kMultiply,
    kDivide,
    kNegate,
    kEqual,
    kNotEqual,
    kLess,
    kLessEqual,
    kGreater,
    kGreaterEqual,
    kAnd,
    kOr,
    kNot,
    kIsNull,
    kIsNotNull,
    kAbs,
    kLog,
    kMin,
    kMax,
    kCoalesce,
  };
  struct Instruction {
    Op op;
    std::uint32_t argument;  // index of the number, text or column; 1 or 0 of a truth; count of a function's arguments
    std::uint32_t position;  // in the text, from 1
  };

  std::string text_;
  std::vector<Instruction> program_;
  std::vector<double> numbers_;
  std::vector<std::string> texts_;
  std::vector<std::string> columns_;
};

// An expression fitted to a schema, ready to run. Immutable; safe from any thread.
class BoundExpression {
 public:
  // What a value is: kDouble, kBool (1 and 0 as a number), kString or kTimestamp.
  data::ColumnType type() const { return type_; }

  // One value a row, null where the expression is: a kDouble column (truth as 1 and 0), or kString, or kTimestamp. The
  // column's name is the expression's text. kInvalidArgument when a mentioned column is not where Bind saw it.
  Result<data::Column> Evaluate(const data::Table& table) const;

  // The value of one row, whose cells are in the order of the schema and of its types (an int64 may stand for a double
  // and a whole double for an int64). kInvalidArgument on any other cell.
  Result<data::Value> Evaluate(std::span<const data::Value> row) const;

 private:
  friend class Expression;
  struct Cell;

  template <typename Load>
  void Run(const Load& load, std::span<Cell> stack) const;

  Expression expression_;
  std::vector<std::size_t> indices_;       // of the expression's columns in the schema
  std::vector<data::ColumnType> types_;    // of the same columns
  std::vector<data::ColumnType> operand_;  // one an instruction: the type that a comparison works on
  data::ColumnType type_ = data::ColumnType::kDouble;
};

}  // namespace keelson::features
