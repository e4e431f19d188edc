#include "project/bundle.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

namespace keelson::project {
namespace {

namespace fs = std::filesystem;

constexpr const char* kProject =
    "apiVersion: keelson.dev/v1\nkind: Project\nmetadata: {name: p}\n"
    "sources: {a: {path: data/a.csv, time: at}}\ntables: {a: {sql: sql/a.sql}}\nexpectations: {a: a.json}\n"
    "train: {label: y, trainer: {xgboost: {max_depth: 6}}}\n";

class BundleTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "keelson-bundle-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    Write("keelson.yaml", kProject);
    Write("sql/a.sql", "select *\nfrom a\n");
    Write("a.json", "{}");
  }
  void TearDown() override { fs::remove_all(folder_); }

  void Write(const std::string& path, const std::string& text) {
    fs::create_directories((folder_ / path).parent_path());
    std::ofstream(folder_ / path, std::ios::binary) << text;
  }
  auto Load(bool data = false) { return LoadProject((folder_ / "keelson.yaml").string(), data); }
  // The problems without the folder's name.
  std::string ProblemsOf(bool data = false) {
    const auto loaded = Load(data);
    if (loaded) return "";
    std::string text;
    for (Problem problem : loaded.error()) {
      problem.file = fs::path(problem.file).filename();
      text += problem.ToString() + "\n";
    }
    return text;
  }

  fs::path folder_;
};

TEST_F(BundleTest, HoldsTheProjectFileAndWhatItNamesButNoData) {
  const auto loaded = Load();
  ASSERT_TRUE(loaded.has_value()) << ToString(loaded.error());
  EXPECT_EQ(loaded->bundle.files,
            (std::map<std::string, std::string>{
                {"keelson.yaml", kProject}, {"sql/a.sql", "select *\nfrom a\n"}, {"a.json", "{}"}}));
  EXPECT_EQ(loaded->parsed.project.train->table, "a");
}

TEST_F(BundleTest, HoldsTheFilesOfACommand) {
  Write("keelson.yaml",
        "apiVersion: keelson.dev/v1\nkind: Project\nmetadata: {name: p}\nsources: {a: {path: a.csv, time: at}}\n"
        "train: {label: y, trainer: {command: {run: [python3, train.py, ../a, --x]}}}\n");
  Write("train.py", "print()");
  const auto loaded = Load();
  ASSERT_TRUE(loaded.has_value()) << ToString(loaded.error());
  EXPECT_EQ(loaded->bundle.files.size(), 2u);
  EXPECT_TRUE(loaded->bundle.files.contains("train.py"));
}

TEST_F(BundleTest, TellsOfEachFileThatIsNotThere) {
  fs::rename(folder_ / "sql/a.sql", folder_ / "sql/b.sql");
  fs::remove(folder_ / "a.json");
  EXPECT_EQ(
      ProblemsOf(),
      "keelson.yaml:5:19: tables.a.sql names \"sql/a.sql\", which is not there, expected a file inside the project's "
      "folder, did you mean \"sql/b.sql\"?\n"
      "keelson.yaml:6:19: expectations.a names \"a.json\", which is not there, expected a file inside the project's "
      "folder\n");
}

TEST_F(BundleTest, ChecksDataOnlyWhenAsked) {
  EXPECT_EQ(ProblemsOf(false), "");
  EXPECT_NE(ProblemsOf(true).find("sources.a.path names \"data/a.csv\", which is not there"), std::string::npos);
  Write("data/a.csv", "at,y\n");
  EXPECT_EQ(ProblemsOf(true), "");
}

TEST_F(BundleTest, RefusesLinksThatLeaveTheFolderAndThingsThatAreNoFiles) {
  fs::remove(folder_ / "a.json");
  fs::create_symlink("/etc/passwd", folder_ / "a.json");
  fs::remove(folder_ / "sql/a.sql");
  fs::create_directory(folder_ / "sql/a.sql");
  const std::string problems = ProblemsOf();
  EXPECT_NE(problems.find("a link that leaves the project's folder"), std::string::npos) << problems;
  EXPECT_NE(problems.find("which is not a file"), std::string::npos) << problems;
}

TEST_F(BundleTest, RefusesFilesThatAreTooLarge) {
  Write("a.json", std::string(Bundle::kMaximumFileBytes + 1, ' '));
  EXPECT_EQ(
      ProblemsOf(),
      "keelson.yaml:6:19: expectations.a names \"a.json\", expected at most 16777216 bytes, and 67108864 in all\n");
  Write("keelson.yaml", std::string(100'000'000, 'a'));
  EXPECT_EQ(ProblemsOf(), "keelson.yaml:1:1: the file has 100000000 bytes, expected at most 1 MiB\n");
}

TEST_F(BundleTest, AMissingProjectFileIsAProblem) {
  fs::remove(folder_ / "keelson.yaml");
  EXPECT_EQ(ProblemsOf(), "keelson.yaml:1:1: there is no such file, expected a project file\n");
}

TEST(Bundle, RevisionDependsOnPathsAndContentsOnly) {
  const Bundle one = {{{"keelson.yaml", "x"}, {"b", "yz"}}};
  Bundle other;
  other.files["b"] = "yz";
  other.files["keelson.yaml"] = "x";
  EXPECT_EQ(one.Revision(), other.Revision());
  EXPECT_EQ(one.Revision().size(), 64u);
  const Bundle moved = {{{"keelson.yaml", "xy"}, {"b", "z"}}};
  EXPECT_NE(one.Revision(), moved.Revision());
  other.files["b"] = "yZ";
  EXPECT_NE(one.Revision(), other.Revision());
}

TEST(Bundle, GoesThroughJsonUnchanged) {
  const Bundle bundle = {{{"keelson.yaml", "caf\xc3\xa9 \"\n\t"},
                          {"run", std::string("\x7f"
                                              "ELF\0\xff",
                                              6)},
                          {"empty", ""}}};
  const auto back = Bundle::FromJson(bundle.ToJson());
  ASSERT_TRUE(back.has_value()) << back.error().ToString();
  EXPECT_EQ(back->files, bundle.files);
}

TEST(Bundle, RefusesJsonThatItWouldNotWrite) {
  const Bundle good = {{{"keelson.yaml", "x"}}};
  const auto json = nlohmann::json::parse(good.ToJson());
  const auto with = [&](const char* pointer, nlohmann::json value) {
    nlohmann::json copy = json;
    copy[nlohmann::json::json_pointer(pointer)] = std::move(value);
    return copy.dump();
  };
  for (const std::string& bad :
       {std::string(), std::string("{"), std::string("[]"), std::string("null"), with("/revision", "0"),
        with("/revision", 5), with("/files", "x"), with("/files/0/path", "../x"), with("/files/0/path", "/etc/x"),
        with("/files/0/path", "a/./b"), with("/files/0/path", "other.yaml"), with("/files/0/text", 5),
        with("/files/0/extra", 5), with("/extra", 5), with("/files/1", json["files"][0]), with("/files/0", 5),
        std::string(100000, '['), good.ToJson() + "x"}) {
    const auto result = Bundle::FromJson(bad);
    ASSERT_FALSE(result.has_value()) << bad.substr(0, 200);
    EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
  }
  Bundle large = good;
  large.files["big"] = std::string(Bundle::kMaximumFileBytes + 1, 'x');
  EXPECT_EQ(Bundle::FromJson(large.ToJson()).error().code, ErrorCode::kResourceExhausted);
}

TEST(Bundle, ParsingOneNeedsEveryFileThatItNames) {
  Bundle bundle = {{{"keelson.yaml", kProject}, {"sql/a.sql", ""}, {"a.json", ""}}};
  EXPECT_TRUE(ParseBundle(bundle).has_value());
  bundle.files.erase("a.json");
  EXPECT_EQ(ToString(ParseBundle(bundle).error()),
            "keelson.yaml:6:19: expectations.a names \"a.json\", which is not in the bundle, expected the file\n");
  EXPECT_FALSE(ParseBundle({}).has_value());
}

TEST(Diff, SaysWhatChangesInWords) {
  const Bundle before = {{{"keelson.yaml", kProject}, {"sql/a.sql", "select 1\n"}, {"a.json", "{}"}}};
  EXPECT_EQ(Diff(before, before), std::vector<std::string>{});

  Bundle after = before;
  std::string& text = after.files["keelson.yaml"];
  text.replace(text.find("max_depth: 6"), 12, "max_depth: 8");
  text.replace(text.find("expectations: {a: a.json}\n"), 26, "");
  text += "serve: {replicas: {max: 2}}\n";
  after.files.erase("a.json");
  after.files["sql/a.sql"] = "select 1\nfrom a\n";
  const auto lines = Diff(before, after);
  const auto has = [&](const std::string& start) {
    return std::any_of(lines.begin(), lines.end(), [&](const std::string& line) { return line.starts_with(start); });
  };
  EXPECT_TRUE(has("~ train.trainer.xgboost.max_depth: 6 -> 8"));
  EXPECT_TRUE(has("- expectations.a: a.json"));
  EXPECT_TRUE(has("+ serve.replicas: {\"min\":1,\"max\":2"));
  EXPECT_TRUE(has("- a.json"));
  EXPECT_TRUE(has("~ sql/a.sql: 1 -> 2 lines"));
  EXPECT_FALSE(has("~ keelson.yaml"));
}

TEST(Diff, OfAFirstApplyNamesEverything) {
  const Bundle after = {{{"keelson.yaml", kProject}, {"sql/a.sql", "select 1\n"}, {"a.json", "{}"}}};
  const auto lines = Diff({}, after);
  EXPECT_NE(std::find(lines.begin(), lines.end(), "+ metadata.name: p"), lines.end());
  EXPECT_NE(std::find(lines.begin(), lines.end(), "+ sql/a.sql: 1 line"), lines.end());
}

TEST(Diff, OfACommentSaysSo) {
  const Bundle before = {{{"keelson.yaml", kProject}, {"sql/a.sql", ""}, {"a.json", ""}}};
  Bundle after = before;
  after.files["keelson.yaml"] += "# more\n";
  EXPECT_EQ(Diff(before, after), std::vector<std::string>{"~ keelson.yaml: its text only, not its meaning"});
}

}  // namespace
}  // namespace keelson::project
