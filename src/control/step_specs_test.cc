#include "control/step_specs.h"

#include "control/testing.h"

namespace keelson::control {
namespace {

std::string Names(const std::vector<Step>& steps) {
  std::string names;
  for (const Step& step : steps) names += step.name + " ";
  return names;
}

// A pipeline all of whose steps have succeeded, below `data`.
Pipeline Done(AppliedProject project, const std::string& data, bool with_search = false) {
  if (with_search) project.spec.train->search.emplace();
  Pipeline pipeline;
  pipeline.id = "flights-p0001";
  pipeline.project = "flights";
  pipeline.as_of = InstantFromMicros(1'000);
  pipeline.row_sequences = {{"flights", 3}};
  pipeline.steps = StepsOf(project.spec, {.search = with_search, .online = true});
  for (Step& step : pipeline.steps) {
    if (step.kind == "ingest") step.output = {{"path", data + "/" + step.name}, {"hash", "hash of " + step.name}};
    if (step.kind == "prepare")
      step.output = {{"tables",
                      {{"flights",
                        {{"path", data + "/prepared"},
                         {"hash", "hash of prepared"},
                         {"schema", Json::parse(R"([{"name": "temp"}])")}}}}}};
    if (step.kind == "features") step.output = {{"path", data + "/frame"}, {"hash", "hash of frame"}};
    if (step.kind == "search") step.output = {{"parameters", {{"eta", "0.1"}}}};
    if (step.kind == "train") step.output = {{"model", data + "/model"}, {"model_hash", "hash of model"}};
  }
  return pipeline;
}

class StepSpecsTest : public JobsFixture {
 protected:
  StepSpecsTest() {
    project_.spec.features.entities = {{"route", {"id"}}};
    features::View view;
    view.name = "history";
    view.entity = "route";
    view.source = "flights";
    project_.spec.features.views = {view};
  }
  std::string KeyOf(const std::string& name) { return KeyOf(name, Done(project_, "/data")); }
  std::string KeyOf(const std::string& name, const Pipeline& pipeline, const std::string& data = "/data",
                    const std::optional<ChampionInfo>& champion = {}) {
    FileHashes hashes;
    const auto made =
        MakeStepSpec(project_, ProjectFolders(data, "flights"), pipeline, *pipeline.Find(name), champion, hashes);
    EXPECT_TRUE(made) << made.error().ToString();
    return made ? made->input_key : "";
  }
  // The keys of all steps, by name.
  std::map<std::string, std::string> Keys(const std::string& data = "/data") {
    const Pipeline pipeline = Done(project_, data);
    std::map<std::string, std::string> keys;
    for (const Step& step : pipeline.steps) keys[step.name] = KeyOf(step.name, pipeline, data);
    return keys;
  }
  // Names of the steps whose keys `change` changes.
  std::string ChangedBy(const std::function<void()>& change) {
    const auto before = Keys();
    change();
    std::string changed;
    for (const auto& [name, key] : Keys()) {
      if (before.at(name) != key) changed += name + " ";
    }
    return changed;
  }
};

TEST_F(StepSpecsTest, StepsAreInAnOrderInWhichTheyCanRun) {
  project_.spec.train->search.emplace();
  const auto steps = StepsOf(project_.spec, {});
  EXPECT_EQ(Names(steps),
            "ingest:flights ingest:weather prepare validate:flights materialize features search train evaluate ");
  std::set<std::string> before;
  for (const Step& step : steps) {
    for (const auto& name : step.depends) EXPECT_TRUE(before.contains(name)) << step.name << " waits for " << name;
    before.insert(step.name);
    if (step.kind == "features" || step.kind == "materialize") {
      EXPECT_EQ(std::ranges::count(step.depends, "validate:flights"), 1) << "a refused check lets nothing through";
    }
  }
  EXPECT_EQ(Names(StepsOf(project_.spec, {.search = false, .online = false})),
            "ingest:flights ingest:weather prepare validate:flights features train evaluate ");
  project_.spec.features.views.clear();
  project_.spec.train.reset();
  EXPECT_EQ(Names(StepsOf(project_.spec, {})), "ingest:flights ingest:weather prepare validate:flights ");
}

TEST_F(StepSpecsTest, APipelineRunsWhatRenderShows) {
  project_.spec.train->search.emplace();
  const auto shown = project::ExpandSteps(project_.spec);
  const auto run = StepsOf(project_.spec, {});
  ASSERT_EQ(run.size(), shown.size());
  for (std::size_t i = 0; i < run.size(); ++i) {
    EXPECT_EQ(run[i].name, shown[i].name);
    EXPECT_EQ(run[i].kind, shown[i].kind);
    EXPECT_EQ(run[i].depends, shown[i].needs);
    EXPECT_EQ(run[i].state, StepState::kPending);
  }
}

TEST_F(StepSpecsTest, KeysAreStableAndDoNotDependOnPaths) {
  const auto keys = Keys();
  EXPECT_EQ(Keys(), keys);
  EXPECT_EQ(Keys("/elsewhere"), keys);
  std::set<std::string> distinct;
  for (const auto& [name, key] : keys) distinct.insert(key);
  EXPECT_EQ(distinct.size(), keys.size());

  ASSERT_TRUE(io::CopyTree(project_.source_folder, folder_.File("moved")));
  ASSERT_TRUE(io::CopyTree(project_.revision_folder, folder_.File("moved_revision")));
  EXPECT_EQ(ChangedBy([&] {
              project_.source_folder = folder_.File("moved");
              project_.revision_folder = folder_.File("moved_revision");
            }),
            "");
}

TEST_F(StepSpecsTest, WhatGoesInChangesTheKeyOfWhatReadsIt) {
  EXPECT_EQ(ChangedBy([&] { Write("source/weather.csv", "id,temp\na,21\n"); }), "ingest:weather ");
  EXPECT_EQ(ChangedBy([&] { Write("revision/prepare/flights.sql", "SELECT 1"); }), "prepare ");
  EXPECT_EQ(ChangedBy([&] { Write("revision/suites/flights.json", "{}"); }), "validate:flights ");
  EXPECT_EQ(ChangedBy([&] { project_.spec.sources[1].null_values = {"NA"}; }), "ingest:weather prepare ");
  EXPECT_EQ(ChangedBy([&] { project_.spec.train->label = "delay > 30"; }), "features train ");
  EXPECT_EQ(ChangedBy([&] { std::get<project::XgboostSpec>(project_.spec.train->trainer).rounds = 9; }), "train ");
  EXPECT_EQ(ChangedBy([&] { project_.spec.features.views[0].ttl = Duration(5); }), "features materialize ");
  EXPECT_EQ(ChangedBy([&] { project_.spec.monitor.consecutive = 7; }), "") << "monitoring goes into no step";
}

TEST_F(StepSpecsTest, TheHashOfAnEarlierOutputPushedRowsAndTheClockCount) {
  const auto key_with = [&](const std::string& name, const std::function<void(Pipeline&)>& change) {
    Pipeline pipeline = Done(project_, "/data");
    change(pipeline);
    return KeyOf(name, pipeline);
  };
  EXPECT_NE(key_with("prepare", [](Pipeline& p) { p.Find("ingest:flights")->output["hash"] = "other"; }),
            KeyOf("prepare"));
  EXPECT_NE(key_with("train", [](Pipeline& p) { p.Find("features")->output["hash"] = "other"; }), KeyOf("train"));
  EXPECT_NE(key_with("evaluate", [](Pipeline& p) { p.Find("train")->output["model_hash"] = "other"; }),
            KeyOf("evaluate"));
  for (const char* name : {"validate:flights", "features", "materialize"}) {
    EXPECT_NE(key_with(name, [](Pipeline& p) { p.row_sequences["flights"] = 4; }), KeyOf(name)) << name;
    EXPECT_NE(key_with(name, [](Pipeline& p) { p.as_of += Duration(1); }), KeyOf(name)) << name;
    EXPECT_NE(key_with(name, [](Pipeline& p) { p.files_until = p.as_of - Duration(1); }), KeyOf(name)) << name;
    EXPECT_NE(key_with(name, [](Pipeline& p) { p.Find("prepare")->output["tables"]["flights"]["hash"] = "other"; }),
              KeyOf(name))
        << name;
  }
  EXPECT_NE(key_with("train", [](Pipeline& p) { p.reuse_parameters = R"({"eta": "0.2"})"; }), KeyOf("train"));
}

TEST_F(StepSpecsTest, TheVersionToBeatCounts) {
  const Pipeline pipeline = Done(project_, "/data");
  for (const char* name : {"features", "evaluate"}) {
    EXPECT_NE(KeyOf(name, pipeline, "/data", ChampionInfo{3, "/m"}), KeyOf(name)) << name;
    EXPECT_EQ(KeyOf(name, pipeline, "/data", ChampionInfo{3, "/m"}),
              KeyOf(name, pipeline, "/data", ChampionInfo{3, "/n"}));
  }
}

TEST_F(StepSpecsTest, NamesOfTheUserThatLookLikePathsAreNotTakenOut) {
  for (const char* name : {"model", "path", "rows", "frame"}) {
    project_.spec.sources[1].name = name;
    Pipeline pipeline = Done(project_, "/data");
    const std::string before = KeyOf("prepare", pipeline);
    pipeline.Find(std::string("ingest:") + name)->output["hash"] = "other";
    EXPECT_NE(KeyOf("prepare", pipeline), before) << name;
  }
  project_.spec.sources[1].name = "weather";
  project_.spec.train->trainer = project::CommandSpec{{"python3", "train.py"}, {{"model", "linear"}, {"rows", "9"}}};
  EXPECT_EQ(
      ChangedBy([&] { std::get<project::CommandSpec>(project_.spec.train->trainer).parameters["model"] = "ridge"; }),
      "train ");
}

TEST_F(StepSpecsTest, TheCodeOfACommandCounts) {
  Write("revision/train.py", "print(1)");
  project_.spec.train->trainer = project::CommandSpec{{"python3", "train.py"}, {}};
  EXPECT_EQ(ChangedBy([&] { Write("revision/train.py", "print(2)"); }), "train ");
}

TEST_F(StepSpecsTest, TrainingTakesTheParametersOfTheSearchOrOfTheFirstOne) {
  const auto parameters = [&](Pipeline pipeline) {
    FileHashes hashes;
    const auto made =
        MakeStepSpec(project_, ProjectFolders("/data", "flights"), pipeline, *pipeline.Find("train"), {}, hashes);
    return made->spec.value("parameters", Json());
  };
  EXPECT_EQ(parameters(Done(project_, "/data")), Json());
  EXPECT_EQ(parameters(Done(project_, "/data", true)).at("eta"), "0.1");
  Pipeline again = Done(project_, "/data");
  again.reuse_parameters = R"({"eta": "0.2"})";
  EXPECT_EQ(parameters(again).at("eta"), "0.2");
}

TEST_F(StepSpecsTest, WhatCannotBeReadIsAnErrorAndNoCrash) {
  FileHashes hashes;
  const auto error_of = [&](const std::string& name) {
    const Pipeline pipeline = Done(project_, "/data");
    const auto made =
        MakeStepSpec(project_, ProjectFolders("/data", "flights"), pipeline, *pipeline.Find(name), {}, hashes);
    EXPECT_FALSE(made);
    return made ? ErrorCode::kInternal : made.error().code;
  };
  Write("revision/prepare/flights.sql", "SELECT 'caf\xe9'");
  EXPECT_EQ(error_of("prepare"), ErrorCode::kInvalidArgument);
  Write("revision/suites/flights.json", "\xff");
  EXPECT_EQ(error_of("validate:flights"), ErrorCode::kInvalidArgument);
  project_.spec.tables[0].sql_path = "absent.sql";
  EXPECT_EQ(error_of("prepare"), ErrorCode::kNotFound);
  project_.spec.sources[0].path = "absent*.csv";
  EXPECT_EQ(error_of("ingest:flights"), ErrorCode::kNotFound);
}

TEST_F(StepSpecsTest, SourcesAndFeaturesComeBackFromTheirJson) {
  project::Source source = project_.spec.sources[0];
  source.time = "at";
  source.known = {{"delay", "landed"}};
  source.null_values = {"", "NA"};
  source.types = {{"id", "string"}};
  EXPECT_EQ(SourceJson(SourceFromJson(SourceJson(source))), SourceJson(source));
  auto& view = project_.spec.features.views[0];
  view.ttl = Duration(7);
  view.aggregates = {{"mean_7d", "delay", features::AggregateFunction::kMean, Duration(9)}};
  const Json json = FeaturesJson(project_.spec.features);
  EXPECT_EQ(FeaturesJson(FeaturesFromJson(json)), json);
  EXPECT_EQ(FeaturesFromJson(json).views.at(0).aggregates.at(0).window, Duration(9));
}

}  // namespace
}  // namespace keelson::control
