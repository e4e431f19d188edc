#include "app/command.h"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <memory>
#include <sstream>

#include "app/commands.h"
#include "app/manual.h"

namespace keelson::app {
namespace {

struct Ran {
  int code;
  std::string out;
  std::string err;
};

Ran Invoke(const std::vector<std::string>& arguments, const std::vector<Command>& commands = Commands()) {
  std::ostringstream out, err;
  const int code = RunCommandLine(commands, arguments, {out, err});
  return {code, out.str(), err.str()};
}

std::vector<Command> Failing(ErrorCode code) {
  return {{"deploy", "Fail as told", "keelson deploy --count 3", [code](CLI::App& app) -> RunCommand {
             auto count = std::make_shared<int>(0);
             app.add_option("-c,--count", *count, "How many [of them]: it's a number")->required();
             return [code, count](Terminal&) -> Result<int> { return Fail(code, "it went wrong", "deploy.yaml:3:1"); };
           }}};
}

TEST(CommandLine, MapsErrorsToTheirExitCodes) {
  const std::vector<std::pair<ErrorCode, int>> cases = {
      {ErrorCode::kInvalidArgument, 1}, {ErrorCode::kInternal, 1},           {ErrorCode::kNotFound, 3},
      {ErrorCode::kUnavailable, 5},     {ErrorCode::kFailedPrecondition, 4}, {ErrorCode::kPermissionDenied, 4}};
  for (const auto& [code, exit_code] : cases) {
    const Ran ran = Invoke({"deploy", "--count", "1"}, Failing(code));
    EXPECT_EQ(ran.code, exit_code) << ErrorCodeName(code);
    EXPECT_EQ(ran.err, "keelson: it went wrong (deploy.yaml:3:1)\n");
    EXPECT_EQ(ran.out, "");
  }
}

TEST(CommandLine, UsageErrorsExitWithTwoAndSayWhereToLook) {
  const auto commands = Failing(ErrorCode::kInternal);
  for (const std::vector<std::string>& bad : std::vector<std::vector<std::string>>{{"deploy"},
                                                                                   {"deploy", "--count"},
                                                                                   {"deploy", "--count", "many"},
                                                                                   {"deploy", "-c", "1", "--colour"},
                                                                                   {"deploy", "-c", "1", "x"}}) {
    const Ran ran = Invoke(bad, commands);
    EXPECT_EQ(ran.code, kExitUsage);
    EXPECT_NE(ran.err.find("keelson deploy --help"), std::string::npos) << ran.err;
  }
  EXPECT_EQ(Invoke({"--frobnicate"}, commands).code, kExitUsage);
}

TEST(CommandLine, AnUnknownCommandNamesTheNearest) {
  const Ran ran = Invoke({"versoin"});
  EXPECT_EQ(ran.code, kExitUsage);
  EXPECT_NE(ran.err.find("did you mean \"version\"?"), std::string::npos) << ran.err;
}

TEST(CommandLine, EveryCommandHasHelpWithItsExample) {
  for (const Command& command : Commands()) {
    const Ran ran = Invoke({command.name, "--help"});
    EXPECT_EQ(ran.code, kExitOk);
    EXPECT_NE(ran.out.find("Example:\n  "), std::string::npos) << command.name;
    EXPECT_NE(command.example.find("keelson " + command.name), std::string::npos) << command.name;
    EXPECT_FALSE(command.summary.ends_with('.')) << command.name;
  }
}

TEST(CommandLine, VersionAndHelpAnswer) {
  EXPECT_TRUE(Invoke({"version"}).out.starts_with("keelson "));
  EXPECT_EQ(Invoke({"--version"}).out, Invoke({"version"}).out);
  EXPECT_NE(Invoke({}).out.find("completion"), std::string::npos);
  EXPECT_NE(Invoke({"help", "version"}).out.find("keelson version"), std::string::npos);
  EXPECT_EQ(Invoke({"help", "nothing"}).code, kExitNotFound);
}

TEST(CommandLine, InternalCommandsAreNotShown) {
  auto commands = Failing(ErrorCode::kInternal);
  commands.front().internal = true;
  EXPECT_EQ(CommandLineManual(commands).find("deploy"), std::string::npos);
  EXPECT_EQ(Invoke({"--help"}, commands).out.find("deploy"), std::string::npos);
  EXPECT_EQ(Invoke({"deploy", "-c", "1"}, commands).code, kExitFailed);  // but it can be called
}

TEST(CommandLine, CompletionScriptsAreValidAndHoldEveryCommand) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const std::string script = Invoke({"completion", shell}).out;
    for (const Command& command : Commands()) {
      if (command.internal) continue;
      EXPECT_NE(script.find(command.name), std::string::npos) << shell << " " << command.name;
    }
  }
  EXPECT_EQ(Invoke({"completion", "tcsh"}).code, kExitUsage);
  EXPECT_EQ(Invoke({"completion"}).code, kExitUsage);

  // bash itself reads the script, and completes with it.
  const std::string script = CompletionScript(Failing(ErrorCode::kInternal), "bash");
  const std::string program =
      script + "COMP_WORDS=(keelson deploy --c); COMP_CWORD=2; _keelson; echo \"${COMPREPLY[*]}\"\n";
  FILE* pipe = popen(("bash -c '" + program + "'").c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  char line[100] = "";
  ASSERT_NE(fgets(line, sizeof line, pipe), nullptr);
  EXPECT_EQ(pclose(pipe), 0);
  EXPECT_STREQ(line, "--count\n");
}

TEST(CommandLine, RenderTellsMistakesAndTheirExitCode) {
  const std::string testdata = std::string(KEELSON_SOURCE_DIR) + "/src/project/testdata/";
  const Ran good = Invoke({"render", "-f", testdata + "good/small.yaml"});
  EXPECT_EQ(good.code, kExitOk) << good.err;
  EXPECT_TRUE(good.out.starts_with("apiVersion: keelson.dev/v1\nkind: Project\n"));
  EXPECT_TRUE(Invoke({"render", "-f", testdata + "good/small.yaml", "-o", "json"}).out.starts_with("[\n"));

  const Ran bad = Invoke({"render", "-f", testdata + "bad/lable.yaml"});
  EXPECT_EQ(bad.code, kExitRefused);
  EXPECT_EQ(bad.out, "");
  EXPECT_NE(bad.err.find("bad/lable.yaml:5:9: unknown field \"lable\" in train"), std::string::npos) << bad.err;
  EXPECT_EQ(Invoke({"render", "-f", testdata + "nowhere.yaml"}).code, kExitNotFound);
  EXPECT_TRUE(Invoke({"schema"}).out.starts_with("{\n  \"$schema\""));
}

TEST(CommandLine, RenderWritesTheObjectsOfKubernetes) {
  const std::string file = std::string(KEELSON_SOURCE_DIR) + "/examples/rain/keelson.yaml";
  const Ran objects =
      Invoke({"render", "--kubernetes", "--with", "keda,metrics-server", "--image", "me/keelson:9", file});
  EXPECT_EQ(objects.code, kExitOk) << objects.err;
  EXPECT_TRUE(objects.out.starts_with("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: rain\n")) << objects.out;
  EXPECT_NE(objects.out.find("kind: ScaledObject"), std::string::npos);
  EXPECT_NE(objects.out.find("image: me/keelson:9\n"), std::string::npos);
  EXPECT_NE(Invoke({"render", "--kubernetes", "--cluster"}).out.find("name: projects.keelson.dev"), std::string::npos);
  EXPECT_TRUE(Invoke({"schema", "--kubernetes"}).out.starts_with("apiVersion: apiextensions.k8s.io/v1\n"));

  const Ran refused = Invoke({"render", "--kubernetes", "--namespace", "default", file});
  EXPECT_EQ(refused.code, kExitFailed);
  EXPECT_NE(refused.err.find("settings.workspace"), std::string::npos) << refused.err;
  for (const std::vector<std::string>& bad :
       std::vector<std::vector<std::string>>{{"--image", "x"},
                                             {"--kubernetes", "--with", "magic"},
                                             {"--cluster"},
                                             {"--kubernetes", "--model-version", "0"}}) {
    std::vector<std::string> words = {"render", file};
    words.insert(words.end(), bad.begin(), bad.end());
    EXPECT_EQ(Invoke(words).code, kExitUsage) << bad.back();
  }
}

TEST(CommandLine, TheManualInDocsIsCurrent) {
  std::ifstream file(std::string(KEELSON_SOURCE_DIR) + "/docs/command-line.md");
  std::stringstream stored;
  stored << file.rdbuf();
  EXPECT_EQ(stored.str(), CommandLineManual(Commands()))
      << "write it anew: build/release/keelson help --markdown > docs/command-line.md";
}

}  // namespace
}  // namespace keelson::app
