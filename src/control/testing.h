#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "control/job_runner.h"
#include "control/step_specs.h"
#include "io/database_testing.h"
#include "io/files.h"
#include "io/temp_folder.h"
#include "substrate/fake_substrate.h"

namespace keelson::control {

// For the tests of what orders jobs: a store on disk, a job runner over a substrate where nothing runs, and a project
// with two sources, a suite and a model.
class JobsFixture : public testing::Test {
 protected:
  JobsFixture() {
    RestartJobs();
    Write("source/flights.csv", "id,delay\na,1\n");
    Write("source/weather.csv", "id,temp\na,20\n");
    Write("revision/prepare/flights.sql", "SELECT * FROM flights");
    Write("revision/suites/flights.json", R"({"name": "s", "expectations": []})");
    project_.source_folder = folder_.File("source");
    project_.revision_folder = folder_.File("revision");
    project_.revision = "r1";
    auto& spec = project_.spec;
    spec.name = "flights";
    for (const char* name : {"flights", "weather"}) {
      project::Source source;
      source.name = name;
      source.path = std::string(name) + ".csv";
      source.key = "id";
      spec.sources.push_back(source);
    }
    spec.tables = {{"flights", "prepare/flights.sql"}};
    spec.expectations = {{"flights", "suites/flights.json"}};
    spec.train.emplace();
    spec.train->table = "flights";
    spec.train->label = "delay > 15";
    spec.train->inputs = {"temp"};
  }

  // A new server over the same store and the same running workloads.
  void RestartJobs() {
    jobs_.reset();
    store_.reset();
    database_.reset();
    database_ = io::OpenTestDatabase(folder_.File("keelson.db")).value();
    store_ = DocumentStore::Open(*database_).value();
    JobRunner::Options options;
    options.data_folder = folder_.path();
    jobs_ = JobRunner::Open(std::move(options), *store_, substrate_, clock_, [](const Job&) {}).value();
  }

  void Write(const std::string& name, const std::string& content) {
    const std::string path = folder_.File(name);
    ASSERT_TRUE(io::MakeFolders(path.substr(0, path.rfind('/'))));
    ASSERT_TRUE(io::WriteFileAtomically(path, content));
  }

  std::string TokenOf(const std::string& job) const {
    std::string token;
    for (const auto& spec : substrate_.started()) {
      if (spec.labels.at("job") == job) token = spec.environment.at("KEELSON_TOKEN");
    }
    return token;
  }
  void Finish(const std::string& job, const Json& output) {
    const Status done = jobs_->Finish(job, TokenOf(job), output);
    EXPECT_TRUE(done) << done.error().ToString();
  }
  // Ids of jobs that run, oldest first.
  std::vector<std::string> RunningJobs() const {
    std::vector<std::string> running;
    for (const auto& [id, job] : jobs_->jobs()) {
      if (job.state == JobState::kRunning) running.push_back(id);
    }
    return running;
  }

  const io::TempFolder folder_ = io::TempFolder::Make().value();
  ManualClock clock_;
  substrate::FakeSubstrate substrate_;
  std::unique_ptr<io::Database> database_;
  std::unique_ptr<DocumentStore> store_;
  std::unique_ptr<JobRunner> jobs_;
  AppliedProject project_;
};

}  // namespace keelson::control
