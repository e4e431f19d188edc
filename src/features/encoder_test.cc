#include "features/encoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace keelson::features {
namespace {

using data::ColumnType;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsNan;

data::Table Training(const std::vector<data::Value>& carriers) {
  data::Table table({{"carrier", ColumnType::kString},
                     {"distance", ColumnType::kInt64},
                     {"temp", ColumnType::kDouble},
                     {"night", ColumnType::kBool},
                     {"at", ColumnType::kTimestamp}});
  for (const auto& carrier : carriers) {
    EXPECT_TRUE(table.AppendRow({carrier, std::int64_t{7}, 1.5, true, Instant{}}).has_value());
  }
  return table;
}

const std::vector<std::string> kInputs = {"temp", "carrier", "night", "distance"};

InputEncoder Make() {
  return *InputEncoder::Create(Training({std::string("UA"), {}, std::string("AA"), std::string("UA")}), kInputs);
}

TEST(EncoderTest, EncodesByNameInTheOrderOfTheInputs) {
  const InputEncoder encoder = Make();
  EXPECT_THAT(encoder.inputs()[1].categories, ElementsAre("AA", "UA"));
  const auto encoded = encoder.Encode(Training({std::string("UA"), std::string("AA"), std::string("ZZ"), {}}));
  ASSERT_TRUE(encoded.has_value());
  EXPECT_THAT(*encoded, ElementsAre(1.5f, 1, 1, 7, 1.5f, 0, 1, 7, 1.5f, IsNan(), 1, 7, 1.5f, IsNan(), 1, 7));
}

TEST(EncoderTest, ARowGivesWhatATableGives) {
  const InputEncoder encoder = Make();
  std::vector<float> out(4);
  ASSERT_TRUE(
      encoder.EncodeRow(std::vector<data::Value>{1.5, std::string("UA"), true, std::int64_t{7}}, out).has_value());
  EXPECT_THAT(out, ElementsAre(1.5f, 1, 1, 7));
  ASSERT_TRUE(encoder.EncodeRow(std::vector<data::Value>{{}, std::string("?"), {}, std::nan("")}, out).has_value());
  EXPECT_THAT(out, ElementsAre(IsNan(), IsNan(), IsNan(), IsNan()));
  ASSERT_TRUE(encoder.EncodeRow(std::vector<data::Value>{std::int64_t{2}, {}, 0.0, 7.0}, out)
                  .has_value());  // numbers as JSON has them
  EXPECT_THAT(out, ElementsAre(2, IsNan(), 0, 7));
}

TEST(EncoderTest, OldCategoriesKeepTheirPlaces) {
  const InputEncoder first = Make();
  const auto second =
      InputEncoder::Create(Training({std::string("B6"), std::string("UA"), std::string("9E")}), kInputs, &first);
  ASSERT_TRUE(second.has_value());
  EXPECT_THAT(second->inputs()[1].categories, ElementsAre("AA", "UA", "9E", "B6"));
}

TEST(EncoderTest, JsonRoundTrips) {
  const InputEncoder encoder = *InputEncoder::Create(Training({std::string("Zür\"ich\\"), std::string("")}), kInputs);
  const auto again = InputEncoder::FromJson(encoder.ToJson());
  ASSERT_TRUE(again.has_value()) << again.error().ToString();
  EXPECT_EQ(*again, encoder);
  EXPECT_EQ(Make().ToJson(),
            R"({"inputs":[{"name":"temp","type":"double"},{"name":"carrier","type":"string","categories":["AA","UA"]},)"
            R"({"name":"night","type":"bool"},{"name":"distance","type":"int64"}]})");
  std::vector<float> out(4);
  EXPECT_TRUE(again->EncodeRow(std::vector<data::Value>{1.0, std::string(""), true, 1.0}, out).has_value());
  EXPECT_EQ(out[1], 0);
}

TEST(EncoderTest, RefusesWhatIsNotAnEncoder) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "not valid JSON"},
      {"{\"inputs\":[", "not valid JSON"},
      {"[]", "expected an object"},
      {"{}", "must be a list"},
      {R"({"inputs":[],"extra":1})", "unknown field \"extra\""},
      {R"({"inputs":[1]})", "expected an object"},
      {R"({"inputs":[{"name":"a","type":"double","kind":1}]})", "unknown field \"kind\""},
      {R"({"inputs":[{"type":"double"}]})", "\"name\" must be text"},
      {R"({"inputs":[{"name":"a","type":"float"}]})", "\"float\" is not a type"},
      {R"({"inputs":[{"name":"a","type":"timestamp"}]})", "is a timestamp"},
      {R"({"inputs":[{"name":"a","type":"double","categories":[]}]})", "only an input of type string"},
      {R"({"inputs":[{"name":"a","type":"string"}]})", "needs \"categories\""},
      {R"({"inputs":[{"name":"a","type":"string","categories":[1]}]})", "must be text"},
      {R"({"inputs":[{"name":"a","type":"string","categories":["x","x"]}]})", "there twice"},
      {R"({"inputs":[{"name":"a","type":"bool"},{"name":"a","type":"bool"}]})", "two inputs \"a\""},
  };
  for (const auto& [text, expected] : cases) {
    const auto encoder = InputEncoder::FromJson(text);
    ASSERT_FALSE(encoder.has_value()) << text;
    EXPECT_THAT(encoder.error().ToString(), HasSubstr(expected)) << text;
  }
}

TEST(EncoderTest, RefusesValuesThatDoNotFit) {
  const InputEncoder encoder = Make();
  std::vector<float> out(4);
  const auto error = [&](const std::vector<data::Value>& row) {
    const Status status = encoder.EncodeRow(row, out);
    return status.has_value() ? "" : status.error().ToString();
  };
  EXPECT_THAT(error({1.0}), HasSubstr("4 inputs"));
  EXPECT_THAT(error({std::string("1"), {}, {}, {}}), HasSubstr("\"temp\" is double, and text came"));
  EXPECT_THAT(error({1.0, 2.0, {}, {}}), HasSubstr("\"carrier\" is string, and a number came"));
  EXPECT_THAT(error({Instant{}, {}, {}, {}}), HasSubstr("a timestamp came"));
  EXPECT_THAT(error({1e39, {}, {}, {}}), HasSubstr("beyond the range"));
  EXPECT_THAT(InputEncoder::Create(Training({}), {"at"}).error().ToString(), HasSubstr("is a timestamp"));
  EXPECT_THAT(InputEncoder::Create(Training({}), {"gone"}).error().ToString(), HasSubstr("no column \"gone\""));
  data::Table broken = Training({std::string("UA")});
  broken.columns()[0].strings[0] = "\xff";
  EXPECT_THAT(InputEncoder::Create(broken, {"carrier"}).error().ToString(), HasSubstr("UTF-8"));
  data::Table table({{"temp", ColumnType::kString}});
  EXPECT_THAT(encoder.Encode(table).error().ToString(), HasSubstr("and string came"));
  EXPECT_THAT(encoder.Encode(data::Table()).error().ToString(), HasSubstr("\"temp\" is missing"));
}

}  // namespace
}  // namespace keelson::features
