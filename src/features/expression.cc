#include "features/expression.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/strings.h"

namespace keelson::features {
namespace {

using data::ColumnType;

std::unexpected<Error> FailAt(std::uint32_t position, std::string message) {
  return Fail(ErrorCode::kInvalidArgument, std::move(message), fmt::format("column {}", position));
}

bool IsNumber(ColumnType type) {
  return type == ColumnType::kDouble || type == ColumnType::kBool;
}

std::string_view Kind(ColumnType type) {
  switch (type) {
    case ColumnType::kBool:
      return "true or false";
    case ColumnType::kString:
      return "text";
    case ColumnType::kTimestamp:
      return "a time";
    default:
      return "a number";
  }
}

// What two operands are compared or merged as; nothing when they do not go together.
std::optional<ColumnType> Common(ColumnType a, ColumnType b) {
  if (a == b) return a;
  if (IsNumber(a) && IsNumber(b)) return ColumnType::kDouble;
  return std::nullopt;
}

}  // namespace

// A value on the machine's stack: the member that the type of its place says; `text` points into the row or the
// program.
struct BoundExpression::Cell {
  double number = 0;
  std::int64_t micros = 0;
  std::string_view text;
  bool null = true;

  static Cell Of(double number) { return {number, 0, {}, !std::isfinite(number)}; }
  static Cell Truth(bool truth) { return {truth ? 1.0 : 0.0, 0, {}, false}; }
};

Result<BoundExpression> Expression::Bind(const data::Schema& schema) const {
  BoundExpression bound;
  std::vector<std::optional<std::size_t>> found(columns_.size());
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    for (std::size_t j = 0; j < schema.size(); ++j) {
      if (schema[j].name == columns_[i]) found[i] = j;
    }
  }
  std::vector<ColumnType> stack;
  for (const Instruction& instruction : program_) {
    const auto fail = [&](std::string message) { return FailAt(instruction.position, std::move(message)); };
    auto operand = ColumnType::kDouble;
    ColumnType made = ColumnType::kDouble;
    std::size_t takes = 0;
    const auto need = [&](ColumnType type, bool boolean) -> Status {
      if (boolean ? type == ColumnType::kBool : IsNumber(type)) return {};
      return fail(fmt::format("expected {} here, not {}", boolean ? "a condition" : "a number", Kind(type)));
    };
    switch (instruction.op) {
      case Op::kNumber:
        break;
      case Op::kText:
        made = ColumnType::kString;
        break;
      case Op::kTruth:
        made = ColumnType::kBool;
        break;
      case Op::kColumn: {
        const auto& index = found[instruction.argument];
        if (!index) {
          const std::string& name = columns_[instruction.argument];
          std::vector<std::string> names;
          for (const auto& column : schema) names.push_back(column.name);
          const auto near = DidYouMean(name, names);
          return fail(fmt::format("there is no column \"{}\"{}", name,
                                  near ? fmt::format("; did you mean \"{}\"?", *near) : ""));
        }
        made = schema[*index].type == ColumnType::kInt64 ? ColumnType::kDouble : schema[*index].type;
        break;
      }
      case Op::kAdd:
      case Op::kSubtract:
      case Op::kMultiply:
      case Op::kDivide:
      case Op::kNegate:
      case Op::kAbs:
      case Op::kLog:
      case Op::kMin:
      case Op::kMax:
        takes = instruction.argument;
        for (std::size_t i = stack.size() - takes; i < stack.size(); ++i)
          KEELSON_RETURN_IF_ERROR(need(stack[i], false));
        break;
      case Op::kEqual:
      case Op::kNotEqual:
      case Op::kLess:
      case Op::kLessEqual:
      case Op::kGreater:
      case Op::kGreaterEqual: {
        takes = 2;
        const auto common = Common(stack[stack.size() - 2], stack.back());
        if (!common) {
          return fail(fmt::format("{} cannot be compared with {}", Kind(stack[stack.size() - 2]), Kind(stack.back())));
        }
        operand = *common;
        made = ColumnType::kBool;
        break;
      }
      case Op::kAnd:
      case Op::kOr:
      case Op::kNot:
        takes = instruction.argument;
        for (std::size_t i = stack.size() - takes; i < stack.size(); ++i) KEELSON_RETURN_IF_ERROR(need(stack[i], true));
        made = ColumnType::kBool;
        break;
      case Op::kIsNull:
      case Op::kIsNotNull:
        takes = 1;
        made = ColumnType::kBool;
        break;
      case Op::kCoalesce: {
        takes = instruction.argument;
        made = stack[stack.size() - takes];
        for (std::size_t i = stack.size() - takes; i < stack.size(); ++i) {
          const auto common = Common(made, stack[i]);
          if (!common) return fail(fmt::format("coalesce cannot mix {} with {}", Kind(made), Kind(stack[i])));
          made = *common;
        }
        break;
      }
    }
    stack.resize(stack.size() - takes);
    stack.push_back(made);
    bound.operand_.push_back(operand);
  }
  for (const auto& index : found) {
    bound.indices_.push_back(*index);
    bound.types_.push_back(schema[*index].type);
  }
  bound.type_ = stack.back();
  bound.expression_ = *this;
  return bound;
}

// Leaves the result in stack[0]. The parser bounds the stack by kMaximumDepth.
template <typename Load>
void BoundExpression::Run(const Load& load, std::span<Cell> stack) const {
  using Op = Expression::Op;
  const Expression& e = expression_;
  std::size_t top = 0;  // of values held
  for (std::size_t i = 0; i < e.program_.size(); ++i) {
    const auto& instruction = e.program_[i];
    switch (instruction.op) {
      case Op::kNumber:
        stack[top++] = Cell::Of(e.numbers_[instruction.argument]);
        continue;
      case Op::kText:
        stack[top++] = {0, 0, e.texts_[instruction.argument], false};
        continue;
      case Op::kTruth:
        stack[top++] = Cell::Truth(instruction.argument != 0);
        continue;
      case Op::kColumn:
        stack[top++] = load(instruction.argument);
        continue;
      case Op::kIsNull:
        stack[top - 1] = Cell::Truth(stack[top - 1].null);
        continue;
      case Op::kIsNotNull:
        stack[top - 1] = Cell::Truth(!stack[top - 1].null);
        continue;
      case Op::kNegate:
      case Op::kNot:
      case Op::kAbs:
      case Op::kLog: {
        Cell& cell = stack[top - 1];
        if (cell.null) continue;
        const double x = cell.number;
        cell = Cell::Of(instruction.op == Op::kNegate ? -x
                        : instruction.op == Op::kNot  ? 1 - x
                        : instruction.op == Op::kAbs  ? std::abs(x)
                                                      : std::log(x));
        continue;
      }
      case Op::kMin:
      case Op::kMax: {
        top -= instruction.argument - 1;
        Cell& out = stack[top - 1];
        for (std::size_t j = 0; j + 1 < instruction.argument; ++j) {
          const Cell& next = stack[top + j];
          if (out.null || next.null) {
            out = Cell{};
          } else if (instruction.op == Op::kMin ? next.number < out.number : next.number > out.number) {
            out = next;
          }
        }
        continue;
      }
      case Op::kCoalesce: {
        top -= instruction.argument - 1;
        for (std::size_t j = 0; stack[top - 1].null && j + 1 < instruction.argument; ++j)
          stack[top - 1] = stack[top + j];
        continue;
      }
      default:
        break;
    }
    const Cell& right = stack[--top];
    Cell& left = stack[top - 1];
    if (instruction.op == Op::kAnd || instruction.op == Op::kOr) {
      const double decides = instruction.op == Op::kAnd ? 0 : 1;
      if (!left.null && left.number == decides) continue;
      if (!right.null && right.number == decides) {
        left = right;
      } else if (left.null || right.null) {
        left = Cell{};
      }
      continue;
    }
    if (left.null || right.null) {
      left = Cell{};
      continue;
    }
    switch (instruction.op) {
      case Op::kAdd:
        left = Cell::Of(left.number + right.number);
        continue;
      case Op::kSubtract:
        left = Cell::Of(left.number - right.number);
        continue;
      case Op::kMultiply:
        left = Cell::Of(left.number * right.number);
        continue;
      case Op::kDivide:
        left = Cell::Of(left.number / right.number);
        continue;
      default:
        break;
    }
    const auto order = operand_[i] == ColumnType::kString      ? std::partial_ordering(left.text <=> right.text)
                       : operand_[i] == ColumnType::kTimestamp ? std::partial_ordering(left.micros <=> right.micros)
                                                               : left.number <=> right.number;
    switch (instruction.op) {
      case Op::kEqual:
        left = Cell::Truth(order == 0);
        break;
      case Op::kNotEqual:
        left = Cell::Truth(order != 0);
        break;
      case Op::kLess:
        left = Cell::Truth(order < 0);
        break;
      case Op::kLessEqual:
        left = Cell::Truth(order <= 0);
        break;
      case Op::kGreater:
        left = Cell::Truth(order > 0);
        break;
      default:
        left = Cell::Truth(order >= 0);
        break;
    }
  }
}

Result<data::Column> BoundExpression::Evaluate(const data::Table& table) const {
  std::vector<const data::Column*> columns;
  for (std::size_t i = 0; i < indices_.size(); ++i) {
    if (indices_[i] >= table.columns().size() || table.columns()[indices_[i]].name != expression_.columns_[i] ||
        table.columns()[indices_[i]].type != types_[i]) {
      return Fail(
          ErrorCode::kInvalidArgument,
          fmt::format("the table does not have the schema that \"{}\" was checked against: column \"{}\" is missing, "
                      "elsewhere or of another type",
                      expression_.text_, expression_.columns_[i]));
    }
    columns.push_back(&table.columns()[indices_[i]]);
  }
  data::Column out;
  out.name = expression_.text_;
  out.type = type_ == ColumnType::kBool ? ColumnType::kDouble : type_;
  const std::size_t rows = table.rows();
  out.valid.resize(rows);
  if (out.type == ColumnType::kDouble) out.doubles.resize(rows);
  if (out.type == ColumnType::kString) out.strings.resize(rows);
  if (out.type == ColumnType::kTimestamp) out.ints.resize(rows);
  std::array<Cell, Expression::kMaximumDepth> stack;
  for (std::size_t row = 0; row < rows; ++row) {
    const auto load = [&](std::uint32_t i) -> Cell {
      const data::Column& column = *columns[i];
      if (column.is_null(row)) return {};
      switch (column.type) {
        case ColumnType::kString:
          return {0, 0, column.strings[row], false};
        case ColumnType::kTimestamp:
          return {0, column.ints[row], {}, false};
        default:
          return Cell::Of(column.Number(row));
      }
    };
    Run(load, stack);
    const Cell& cell = stack[0];
    if (cell.null) continue;
    out.valid[row] = 1;
    if (out.type == ColumnType::kDouble) out.doubles[row] = cell.number;
    if (out.type == ColumnType::kString) out.strings[row] = cell.text;
    if (out.type == ColumnType::kTimestamp) out.ints[row] = cell.micros;
  }
  return out;
}

Result<data::Value> BoundExpression::Evaluate(std::span<const data::Value> row) const {
  for (std::size_t i = 0; i < indices_.size(); ++i) {
    bool fits = indices_[i] < row.size();
    if (fits) {
      const data::Value& value = row[indices_[i]];
      const bool number = std::holds_alternative<double>(value) || std::holds_alternative<std::int64_t>(value);
      fits = std::holds_alternative<std::monostate>(value) ||
             (types_[i] == ColumnType::kBool        ? std::holds_alternative<bool>(value)
              : types_[i] == ColumnType::kString    ? std::holds_alternative<std::string>(value)
              : types_[i] == ColumnType::kTimestamp ? std::holds_alternative<Instant>(value)
                                                    : number);
    }
    if (!fits) {
      return Fail(ErrorCode::kInvalidArgument, fmt::format("column \"{}\" is missing from the row or is not {}",
                                                           expression_.columns_[i], data::ColumnTypeName(types_[i])));
    }
  }
  const auto load = [&](std::uint32_t i) -> Cell {
    const data::Value& value = row[indices_[i]];
    if (const auto* number = std::get_if<double>(&value)) return Cell::Of(*number);
    if (const auto* integer = std::get_if<std::int64_t>(&value)) return Cell::Of(static_cast<double>(*integer));
    if (const auto* truth = std::get_if<bool>(&value)) return Cell::Truth(*truth);
    if (const auto* text = std::get_if<std::string>(&value)) return {0, 0, *text, false};
    if (const auto* instant = std::get_if<Instant>(&value)) return {0, ToMicros(*instant), {}, false};
    return {};
  };
  std::array<Cell, Expression::kMaximumDepth> stack;
  Run(load, stack);
  if (stack[0].null) return data::Value{};
  if (type_ == ColumnType::kString) return data::Value{std::string(stack[0].text)};
  if (type_ == ColumnType::kTimestamp) return data::Value{InstantFromMicros(stack[0].micros)};
  return data::Value{stack[0].number};
}

}  // namespace keelson::features
