#include "features/expression.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/random.h"
#include "base/strings.h"

namespace keelson::features {
namespace {

using data::ColumnType;
using testing::ElementsAre;
using testing::HasSubstr;

const data::Schema kSchema = {{"a", ColumnType::kDouble},    {"b", ColumnType::kInt64},     {"s", ColumnType::kString},
                              {"t", ColumnType::kTimestamp}, {"u", ColumnType::kTimestamp}, {"f", ColumnType::kBool},
                              {"n", ColumnType::kDouble},    {"ns", ColumnType::kString}};
const std::vector<data::Value> kRow = {
    1.5, std::int64_t{7}, std::string("UA"), Instant{}, Instant{} + std::chrono::hours(24), true, {}, {}};

struct Case {
  int line = 0;
  std::string text;
  std::string expected;
};

std::vector<Case> Cases() {
  std::ifstream file(KEELSON_SOURCE_DIR "/src/features/testdata/expressions.txt");
  std::vector<Case> cases;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    const auto arrow = line.find("=> ");
    if (line.starts_with('#') || arrow == std::string::npos) continue;
    cases.push_back({number, line.substr(0, arrow == 0 ? 0 : arrow - 1), line.substr(arrow + 3)});
  }
  return cases;
}

std::string Show(const data::Value& value) {
  if (const auto* number = std::get_if<double>(&value)) {
    std::string text = std::to_string(*number);
    while (text.back() == '0') text.pop_back();
    if (text.back() == '.') text.pop_back();
    return text;
  }
  if (const auto* text = std::get_if<std::string>(&value)) return "'" + *text + "'";
  return std::holds_alternative<Instant>(value) ? "'t'" : "null";
}

std::string RunText(const std::string& text) {
  const auto parsed = Expression::Parse(text);
  const auto bound = parsed.has_value() ? parsed->Bind(kSchema) : std::unexpected(parsed.error());
  if (!bound.has_value()) return "error " + bound.error().where.substr(7) + ": " + bound.error().message;
  const auto value = bound->Evaluate(kRow);
  return value.has_value() ? Show(*value) : value.error().ToString();
}

TEST(ExpressionTest, TableOfCases) {
  const auto cases = Cases();
  ASSERT_GT(cases.size(), 100u);
  for (const Case& c : cases) {
    SCOPED_TRACE(std::to_string(c.line) + ": " + c.text);
    const std::string got = RunText(c.text);
    if (const auto colon = c.expected.find(": "); c.expected.starts_with("error ")) {
      EXPECT_TRUE(got.starts_with(c.expected.substr(0, colon + 2))) << got;
      EXPECT_THAT(got, HasSubstr(c.expected.substr(colon + 2)));
    } else {
      EXPECT_EQ(got, c.expected);
    }
  }
}

TEST(ExpressionTest, TableAndRowGiveTheSame) {
  data::Table table(kSchema);
  ASSERT_TRUE(table.AppendRow(kRow).has_value());
  ASSERT_TRUE(table.AppendRow(std::vector<data::Value>(kRow.size())).has_value());
  for (const Case& c : Cases()) {
    const auto parsed = Expression::Parse(c.text);
    const auto bound = parsed.has_value() ? parsed->Bind(kSchema) : std::unexpected(parsed.error());
    if (!bound.has_value()) continue;
    SCOPED_TRACE(c.text);
    data::Table out;
    const auto column = bound->Evaluate(table);
    ASSERT_TRUE(column.has_value());
    ASSERT_EQ(column->size(), 2u);
    out.columns().push_back(*column);
    EXPECT_EQ(out.At(0, 0), *bound->Evaluate(kRow));
    EXPECT_EQ(out.At(1, 0), *bound->Evaluate(std::vector<data::Value>(kRow.size())));
  }
}

TEST(ExpressionTest, SaysWhichColumnsItMentions) {
  EXPECT_THAT(Expression::Parse("b + min(a, b) * `odd name`")->columns(), ElementsAre("b", "a", "odd name"));
  EXPECT_THAT(Expression::Parse("1")->columns(), ElementsAre());
}

TEST(ExpressionTest, RefusesARowOrTableOfAnotherShape) {
  const auto bound = Expression::Parse("a + b")->Bind(kSchema);
  EXPECT_FALSE(bound->Evaluate(std::vector<data::Value>{1.0}).has_value());
  EXPECT_FALSE(bound->Evaluate(std::vector<data::Value>{std::string("1"), 1.0}).has_value());
  EXPECT_EQ(*bound->Evaluate(std::vector<data::Value>{std::int64_t{1}, 2.0}), data::Value(3.0));
  EXPECT_FALSE(bound->Evaluate(data::Table({{"b", ColumnType::kInt64}, {"a", ColumnType::kDouble}})).has_value());
  EXPECT_FALSE(bound->Evaluate(data::Table({{"a", ColumnType::kString}, {"b", ColumnType::kInt64}})).has_value());
}

TEST(ExpressionTest, LimitsLengthAndDepth) {
  EXPECT_EQ(RunText(std::string(40, '(') + "1" + std::string(40, ')')), "1");
  for (const std::string& text :
       {std::string(2000, '(') + "1" + std::string(2000, ')'), std::string(4000, '-') + "1"}) {
    EXPECT_THAT(RunText(text), HasSubstr("nested more than"));
  }
  std::string nots;
  for (int i = 0; i < 500; ++i) nots += "not ";
  EXPECT_THAT(RunText(nots + "f"), HasSubstr("nested more than"));
  EXPECT_THAT(RunText(std::string(4097, ' ')), HasSubstr("at most 4096"));
  std::string sum = "1";
  for (int i = 0; i < 1000; ++i) sum += "+1";
  EXPECT_EQ(RunText(sum), "1001");
  std::string operands = "1";  // every operand waits on the stack
  for (int i = 0; i < 60; ++i) operands = "max(1,2,3,4,5,6,7,8,9," + operands + ")";
  EXPECT_THAT(RunText(operands), HasSubstr("nested more than"));
}

TEST(ExpressionTest, HostileTextIsAnswered) {
  EXPECT_THAT(RunText(std::string("a\0b", 3)), HasSubstr("0x00"));
  EXPECT_THAT(RunText("a + \xc3\xa9"), HasSubstr("0xc3"));
  EXPECT_THAT(RunText("s == '\xff'"), HasSubstr("not valid UTF-8"));
}

// The same property as expression_fuzz.cc, on mutations of the table of cases.
TEST(ExpressionTest, MutatedTextParsesOrFailsWithAPosition) {
  Random random(3);
  const auto cases = Cases();
  int parsed_count = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string text = cases[random.Below(cases.size())].text;
    for (std::uint64_t edits = random.Below(4); edits > 0 && !text.empty(); --edits) {
      const auto at = static_cast<std::size_t>(random.Below(text.size()));
      const auto& other = cases[random.Below(cases.size())].text;
      switch (random.Below(3)) {
        case 0:
          text.erase(at, 1 + random.Below(3));
          break;
        case 1:
          text[at] = static_cast<char>(random.Below(256));
          break;
        default:
          text.insert(at, other.substr(0, random.Below(other.size() + 1)));
          break;
      }
    }
    const auto parsed = Expression::Parse(text);
    if (!parsed.has_value()) {
      EXPECT_TRUE(parsed.error().where.starts_with("column ")) << text;
      continue;
    }
    ++parsed_count;
    if (const auto bound = parsed->Bind(kSchema); bound.has_value()) {
      EXPECT_TRUE(bound->Evaluate(kRow).has_value()) << text;
    }
  }
  EXPECT_GT(parsed_count, 1000);
}

}  // namespace
}  // namespace keelson::features
