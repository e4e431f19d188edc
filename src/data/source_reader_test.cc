#include "data/source_reader.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>

#include "io/temp_folder.h"

namespace keelson::data {
namespace {

class SourceReaderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto engine = Engine::Open({});
    ASSERT_TRUE(engine.has_value()) << engine.error().ToString();
    engine_ = *std::move(engine);
    auto folder = io::TempFolder::Make();
    ASSERT_TRUE(folder.has_value());
    folder_.emplace(*std::move(folder));
  }

  std::string Write(const std::string& name, std::string_view content) {
    std::ofstream(folder_->File(name), std::ios::binary) << content;
    return folder_->File(name);
  }

  Result<SourceRead> Read(std::string_view csv, const SourceOptions& options = {}) {
    return ReadSource(*engine_, "s", Write("s.csv", csv), options);
  }

  Table Rows() {
    auto table = engine_->Query("SELECT * FROM source.s");
    EXPECT_TRUE(table.has_value()) << table.error().ToString();
    return table.value_or(Table());
  }

  // Refused, at `where` ("s.csv:3"), with `part` in the message, and nothing read.
  void ExpectRefused(const Result<SourceRead>& read, const std::string& where, const std::string& part) {
    ASSERT_FALSE(read.has_value());
    EXPECT_EQ(read.error().code, ErrorCode::kInvalidArgument) << read.error().ToString();
    EXPECT_EQ(read.error().where, folder_->File(where)) << read.error().ToString();
    EXPECT_NE(read.error().message.find(part), std::string::npos) << read.error().ToString();
    EXPECT_FALSE(engine_->Query("SELECT * FROM source.s").has_value());
  }

  std::unique_ptr<Engine> engine_;
  std::optional<io::TempFolder> folder_;
};

TEST_F(SourceReaderTest, TypesComeFromEveryValue) {
  const auto read = Read(
      "whole,real,flag,when,code,text,empty\n"
      "1,1,true,2013-01-01,007,a,\n"
      "-9223372036854775808,-2.5e-3,FALSE,2013-01-01T10:00:00Z,10115,\"b, \"\"c\"\"\nd\",\n"
      ",,,2013-01-01 11:30:00.25+02:00,,,\n");
  ASSERT_TRUE(read.has_value()) << read.error().ToString();
  EXPECT_EQ(read->rows, 3u);
  const Table table = Rows();
  EXPECT_EQ(table.schema(), read->schema);
  EXPECT_EQ(read->schema, (Schema{{"whole", ColumnType::kInt64},
                                  {"real", ColumnType::kDouble},
                                  {"flag", ColumnType::kBool},
                                  {"when", ColumnType::kTimestamp},
                                  {"code", ColumnType::kString},
                                  {"text", ColumnType::kString},
                                  {"empty", ColumnType::kString}}));
  EXPECT_EQ(table.At(1, 0), Value(std::numeric_limits<std::int64_t>::min()));
  EXPECT_EQ(table.At(1, 1), Value(-0.0025));
  EXPECT_EQ(table.At(0, 2), Value(true));
  EXPECT_EQ(table.At(0, 3), Value(*ParseInstant("2013-01-01")));
  EXPECT_EQ(table.At(1, 3), Value(*ParseInstant("2013-01-01T10:00:00Z")));
  EXPECT_EQ(table.At(2, 3), Value(*ParseInstant("2013-01-01T09:30:00.25Z")));
  EXPECT_EQ(table.At(0, 4), Value(std::string("007")));
  EXPECT_EQ(table.At(1, 5), Value(std::string("b, \"c\"\nd")));
  for (std::size_t column : {0u, 1u, 2u, 4u, 5u, 6u}) EXPECT_EQ(table.At(2, column), Value{}) << column;
}

TEST_F(SourceReaderTest, EveryTimestampThatWeTellIsReadByDuckDbToo) {
  const std::vector<std::string> texts = {"2013-01-01",
                                          "2013-01-01 06:30",
                                          "2013-01-01T06:30:05",
                                          "2013-01-01T06:30Z",
                                          "2013-01-01T06:30:05.123456789",
                                          "2013-01-01T06:30:05+05:30",
                                          "2013-01-01T06:30:05-0530",
                                          "2013-01-01 06:30:05+02",
                                          "0001-01-01",
                                          "9999-12-31T23:59:59Z"};
  for (const std::string& text : texts) {
    const auto read = Read("t\n" + text + "\n");
    ASSERT_TRUE(read.has_value()) << text << ": " << read.error().ToString();
    EXPECT_EQ(read->schema[0].type, ColumnType::kTimestamp) << text;
  }
  for (const char* text :
       {"2013-02-30", "2013-13-01", "2013-01-01T25:00", "2013-1-1", "2013-01-01T06:30:60", "2013-01-01x", "06:30"}) {
    const auto read = Read("t\n" + std::string(text) + "\n");
    ASSERT_TRUE(read.has_value()) << text;
    EXPECT_EQ(read->schema[0].type, ColumnType::kString) << text;
  }
}

TEST_F(SourceReaderTest, ALateTextMakesAColumnOfCodesTextAndAColumnOfNumbersAnError) {
  std::string codes = "zip,n\n";
  for (int i = 0; i < 100'000; ++i) codes += std::to_string(10000 + i % 1000) + ",1\n";
  auto read = Read(codes + "00501,1\n");
  ASSERT_TRUE(read.has_value()) << read.error().ToString();
  EXPECT_EQ(read->schema[0].type, ColumnType::kString);
  EXPECT_EQ(Rows().At(100'000, 0), Value(std::string("00501")));

  ExpectRefused(Read(codes + "unknown,1\n"), "s.csv:100002", "\"unknown\" is not int64");
  EXPECT_TRUE(Read(codes + "unknown,1\n", {.null_values = {"unknown"}, .types = {}}).has_value());
  EXPECT_TRUE(Read(codes + "unknown,1\n", {.types = {{"zip", ColumnType::kString}}}).has_value());
  EXPECT_TRUE(Read("n\n1\nx\n").has_value());  // few values settle nothing
}

TEST_F(SourceReaderTest, DeclaredTypesAndNullValues) {
  const auto read = Read("a,b,c\nNA,1,\n5,2,x\n", {.null_values = {"", "NA"}, .types = {{"b", ColumnType::kDouble}}});
  ASSERT_TRUE(read.has_value()) << read.error().ToString();
  EXPECT_EQ(read->schema[0].type, ColumnType::kInt64);
  EXPECT_EQ(read->schema[1].type, ColumnType::kDouble);
  EXPECT_EQ(Rows().At(0, 0), Value{});
  ExpectRefused(Read("a\n1\n2\nx\n", {.types = {{"a", ColumnType::kInt64}}}), "s.csv:4", "\"x\"");
  ExpectRefused(Read("a\n1\n", {.types = {{"b", ColumnType::kInt64}}}), "s.csv:1", "\"b\"");
}

TEST_F(SourceReaderTest, HostileFilesAreRefusedWithFileAndLine) {
  using namespace std::string_view_literals;
  ExpectRefused(Read("a,b\n1,2\n3\n4,5\n"), "s.csv:3", "1 values; expected 2");
  ExpectRefused(Read("a,b\n1,2\n3,4,5\n"), "s.csv:3", "3 values; expected 2");
  ExpectRefused(Read("a,b\n1,2\n\n3,4\n"), "s.csv:3", "empty line");
  ExpectRefused(Read("a,b\n1,\"x\ny\"\n3\n"), "s.csv:4", "1 values; expected 2");
  ExpectRefused(Read("a,b\n1,x\0y\n"sv), "s.csv:2", "NUL");
  ExpectRefused(Read("a,b\n1,ok\n2,caf\xe9\n"), "s.csv:3", "UTF-8");
  ExpectRefused(Read("\xff\xfe"
                     "a\0\n\0"sv),
                "s.csv:1", "");  // UTF-16
  ExpectRefused(Read("a,a\n1,2\n"), "s.csv:1", "two columns are named \"a\"");
  ExpectRefused(Read("a,A\n1,2\n"), "s.csv:1", "two columns");
  ExpectRefused(Read("a,,c\n1,2,3\n"), "s.csv:1", "column 2 has no name");
  ExpectRefused(Read(""), "s.csv:1", "empty file");
  ExpectRefused(Read("a,b\n1,\"2\n"), "s.csv:2", "not closed");
  ExpectRefused(Read("a,b\n1,\"2\"x\n"), "s.csv:2", "closing quote");
  ExpectRefused(Read("a,b\n1,2\"x\"\n"), "s.csv:2", "quote inside");
  ExpectRefused(Read("a,b\n1,2\r3\n"), "s.csv:2", "carriage return");
  ExpectRefused(Read("a,b\n1,\"" + std::string(5u << 20, 'x') + "\n"), "s.csv:2", "2 MiB");
  ExpectRefused(Read("a,b\n1," + std::string(5u << 20, 'x')), "s.csv:2", "2 MiB");
}

TEST_F(SourceReaderTest, WithoutARowTheTypesMustBeDeclared) {
  ExpectRefused(Read("a,b\n"), "s.csv", "column names but no rows");
  SourceOptions options;
  options.types = {{"a", ColumnType::kInt64}};
  ExpectRefused(Read("a,b\n", options), "s.csv", "what type \"b\" is");
  options.types["b"] = ColumnType::kTimestamp;
  const auto read = Read("a,b\n", options);
  ASSERT_TRUE(read) << read.error().ToString();
  EXPECT_EQ(read->rows, 0u);
  EXPECT_EQ(read->schema, (Schema{{"a", ColumnType::kInt64}, {"b", ColumnType::kTimestamp}}));
}

TEST_F(SourceReaderTest, ShapesThatAreFine) {
  EXPECT_EQ(Read("a,b\r\n1,2\r\n3,\"4\"\r\n")->rows, 2u);
  EXPECT_EQ(Rows().At(1, 1), Value(std::int64_t{4}));
  EXPECT_EQ(Read("\xEF\xBB\xBF"
                 "a,b\n1,2")
                ->schema[0]
                .name,
            "a");
  EXPECT_EQ(Rows().rows(), 1u);
  EXPECT_EQ(Read("it's \"odd\",b\n1,2\n").has_value(), false);  // a quote inside a name
  EXPECT_EQ(Read("\"it's \"\"odd\"\"\",b\n1,2\n")->schema[0].name, "it's \"odd\"");
}

TEST_F(SourceReaderTest, CompressedFilesAndDamagedOnes) {
  std::string csv = "i,s\n";
  for (int i = 0; i < 50'000; ++i) csv += std::to_string(i) + ",row " + std::to_string(i) + "\n";
  const std::string path = folder_->File("s.csv.gz");
  gzFile file = gzopen(path.c_str(), "wb");
  ASSERT_EQ(gzwrite(file, csv.data(), static_cast<unsigned>(csv.size())), static_cast<int>(csv.size()));
  gzclose(file);
  const auto read = ReadSource(*engine_, "s", path);
  ASSERT_TRUE(read.has_value()) << read.error().ToString();
  EXPECT_EQ(read->rows, 50'000u);
  EXPECT_EQ(Rows().At(49'999, 1), Value(std::string("row 49999")));
  std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
  const auto cut = ReadSource(*engine_, "s", path);
  ASSERT_FALSE(cut.has_value());
  EXPECT_EQ(cut.error().code, ErrorCode::kInvalidArgument);
}

TEST_F(SourceReaderTest, SeveralFilesAreOneSourceInTheOrderOfTheirNames) {
  Write("part-2.csv", "i,x\n3,2.5\n");
  Write("part-1.csv", "i,x\n1,1\n2,2\n");
  const auto read = ReadSource(*engine_, "s", folder_->File("part-*.csv"));
  ASSERT_TRUE(read.has_value()) << read.error().ToString();
  EXPECT_EQ(read->files.size(), 2u);
  EXPECT_EQ(Rows().columns()[0].ints, (std::vector<std::int64_t>{1, 2, 3}));
  EXPECT_EQ(read->schema[1].type, ColumnType::kDouble);  // of both files' values
  Write("part-3.csv", "i,y\n3,2.5\n");
  ExpectRefused(ReadSource(*engine_, "s", folder_->File("part-*.csv")), "part-3.csv:1", "expected \"x\"");
  Write("part-3.csv", "i\n3\n");
  ExpectRefused(ReadSource(*engine_, "s", folder_->File("part-*.csv")), "part-3.csv:1", "column 2 is none");
  EXPECT_EQ(ReadSource(*engine_, "s", folder_->File("none*.csv")).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(ReadSource(*engine_, "s", Write("s.xlsx", "")).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(SourceReaderTest, ParquetFilesTakeOurTypesAndMustAgree) {
  const auto write = [&](const std::string& name, const std::string& sql) {
    const auto status = engine_->WriteParquet(sql, folder_->File(name));
    ASSERT_TRUE(status.has_value()) << status.error().ToString();
  };
  write("a.parquet", "SELECT 1::INTEGER AS i, 1.5::FLOAT AS x, DATE '2013-01-01' AS t, 'ä' AS s");
  write("b.parquet", "SELECT 2::INTEGER AS i, 2.5::FLOAT AS x, DATE '2013-01-02' AS t, 'b' AS s");
  const auto read = ReadSource(*engine_, "s", folder_->File("*.parquet"), {.types = {{"i", ColumnType::kDouble}}});
  ASSERT_TRUE(read.has_value()) << read.error().ToString();
  EXPECT_EQ(read->rows, 2u);
  EXPECT_EQ(Rows().schema(), read->schema);
  EXPECT_EQ(read->schema[0].type, ColumnType::kDouble);
  EXPECT_EQ(Rows().At(1, 2), Value(*ParseInstant("2013-01-02")));
  write("c.parquet", "SELECT 2::INTEGER AS i, 'x' AS x, DATE '2013-01-02' AS t, 'b' AS s");
  ExpectRefused(ReadSource(*engine_, "s", folder_->File("*.parquet")), "c.parquet", "x string");
  Write("d.parquet", "PAR1 not really");
  EXPECT_FALSE(ReadSource(*engine_, "s", folder_->File("d.parquet")).has_value());
}

}  // namespace
}  // namespace keelson::data
