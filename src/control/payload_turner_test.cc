#include "control/payload_turner.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "control/loop_testing.h"
#include "control/steps/step.h"
#include "serving/payload_segments.h"

namespace keelson::control {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

constexpr Instant At(int minute) {
  return InstantFromMicros(std::int64_t{minute} * 60'000'000);
}

TEST(PayloadJobDue, Scenes) {
  const auto due = [](std::size_t waiting, bool under_way, std::optional<Instant> last_ended, int now) {
    return PayloadJobDue({waiting, under_way, last_ended, At(100)}, At(now), hours(1));
  };
  EXPECT_TRUE(due(1, false, std::nullopt, 160));
  EXPECT_FALSE(due(1, false, std::nullopt, 159)) << "the server has just begun to look";
  EXPECT_FALSE(due(0, false, std::nullopt, 500)) << "nothing waits";
  EXPECT_FALSE(due(9, true, std::nullopt, 500)) << "a job is at it";
  EXPECT_TRUE(due(1, false, At(200), 260));
  EXPECT_FALSE(due(1, false, At(200), 259)) << "the last one ended less than a period ago";
  EXPECT_FALSE(due(1, false, At(10), 159)) << "before this server";
  EXPECT_FALSE(PayloadJobDue({1, false, std::nullopt, At(100)}, At(9'000), Duration{})) << "never";
}

class PayloadTurnerTest : public LoopFixture {
 protected:
  PayloadTurnerTest() {
    payload_period_ = hours(1);
    Restart();
    Apply();
  }
  // A segment that was written and closed, with one record.
  void Log(const std::string& replica) {
    serving::PayloadSchema schema;
    schema.model = kName;
    schema.version = "1";
    schema.inputs = {{"a", data::ColumnType::kDouble}};
    schema.outputs = {"probability"};
    auto writer = serving::PayloadWriter::Open(folder_.File("projects/trips/payload/1/" + replica), schema);
    ASSERT_TRUE(writer.has_value()) << writer.error().ToString();
    serving::PayloadRecord record;
    record.request_id = replica;
    record.version = "1";
    record.rows = 1;
    record.inputs = {{"a", data::ColumnType::kDouble, {}, {0.5}, {}, {1}}};
    record.outputs = {0.25F};
    ASSERT_TRUE((*writer)->Append(record));
  }
  std::vector<Job> PayloadJobs() const {
    std::vector<Job> jobs;
    for (const auto& [id, job] : controller_->jobs().jobs()) {
      if (job.kind == "payload") jobs.push_back(job);
    }
    return jobs;
  }
  // As the worker does it.
  Json Work(const Job& job) {
    steps::Context context;
    context.spec = job.spec;
    context.output = folder_.File("attempt");
    context.progress = [](const std::string&, double) {};
    context.cancelled = [] { return false; };
    const auto outcome = steps::RunStep(context);
    EXPECT_TRUE(outcome.has_value()) << outcome.error().ToString();
    return outcome ? outcome->output : Json();
  }
  Json OutputOf(const Job& job) override { return job.kind == "payload" ? Work(job) : LoopFixture::OutputOf(job); }
};

TEST_F(PayloadTurnerTest, AJobTurnsWhatIsClosedOnceAPeriodAndEndsLikeAnyOther) {
  TurnFor(hours(3), minutes(20));
  EXPECT_TRUE(PayloadJobs().empty()) << "nothing was logged";
  Log("r1");
  Log("r2");
  TurnFor(minutes(2), minutes(1));
  ASSERT_EQ(PayloadJobs().size(), 1u);
  const Job job = PayloadJobs().front();
  EXPECT_EQ(job.state, JobState::kRunning);
  EXPECT_EQ(job.project, kName);
  EXPECT_EQ(job.workload_class, scheduling::WorkloadClass::kBestEffort);
  TurnFor(hours(3), minutes(20));
  EXPECT_EQ(PayloadJobs().size(), 1u) << "one at a time";
  ASSERT_TRUE(FinishJob(job.id));
  TurnFor(minutes(2), minutes(1));
  EXPECT_EQ(PayloadJobs().front().output.at("segments"), 2);
  EXPECT_EQ(PayloadJobs().front().output.at("rows"), 2);
  EXPECT_TRUE(io::Exists(folder_.File("projects/trips/payload-parquet/1/r1/000001.parquet")));
  EXPECT_TRUE(io::Exists(folder_.File("projects/trips/payload/1/r1/000001.seg"))) << "the monitor reads it";
  TurnFor(hours(3), minutes(20));
  EXPECT_EQ(PayloadJobs().size(), 1u) << "all is turned";
  Log("r3");
  TurnFor(minutes(2), minutes(1));
  EXPECT_EQ(PayloadJobs().size(), 2u);
  TurnFor(minutes(2), minutes(1));
  EXPECT_EQ(PayloadJobs().size(), 2u);
}

TEST_F(PayloadTurnerTest, KeepsTheLastOfThoseThatHaveEnded) {
  std::string first;
  for (const char* replica : {"r1", "r2", "r3", "r4"}) {
    Log(replica);
    TurnFor(hours(2), minutes(20));
    const std::vector<Job> jobs = PayloadJobs();
    ASSERT_LE(jobs.size(), 2u) << replica;
    ASSERT_EQ(jobs.back().state, JobState::kRunning) << replica;
    if (first.empty()) first = jobs.back().id;
    ASSERT_TRUE(FinishJob(jobs.back().id));
  }
  EXPECT_FALSE(io::Exists(folder_.File("jobs/" + first)));
  EXPECT_TRUE(io::Exists(controller_->jobs().Folder(PayloadJobs().back())));
  const std::string last = PayloadJobs().back().id;
  Restart();
  ASSERT_LE(PayloadJobs().size(), 2u) << "nor does the store have more";
  EXPECT_EQ(PayloadJobs().back().id, last);
}

TEST_F(PayloadTurnerTest, ADamagedSegmentIsNoReasonForJobAfterJob) {
  Log("r1");
  const std::string segment = folder_.File("projects/trips/payload/1/r1/000001.seg");
  std::string bytes = *io::ReadFile(segment);
  bytes[bytes.size() / 2] ^= 1;
  ASSERT_TRUE(io::WriteFileAtomically(segment, bytes));
  TurnFor(hours(2), minutes(20));
  ASSERT_EQ(PayloadJobs().size(), 1u);
  ASSERT_TRUE(FinishJob(PayloadJobs().front().id));
  EXPECT_EQ(PayloadJobs().front().output.at("damaged").size(), 1u);
  TurnFor(hours(5), minutes(20));
  EXPECT_EQ(PayloadJobs().size(), 1u);
  Log("r2");
  TurnFor(hours(2), minutes(20));
  ASSERT_EQ(PayloadJobs().size(), 2u);
  ASSERT_TRUE(FinishJob(PayloadJobs().back().id));
  EXPECT_EQ(PayloadJobs().back().output.at("segments"), 1u);
}

TEST_F(PayloadTurnerTest, AKilledServerAndAKilledWorkerTakeUpTheSameJob) {
  Log("r1");
  TurnFor(hours(2), minutes(20));
  ASSERT_EQ(PayloadJobs().size(), 1u);
  Restart();
  TurnFor(hours(2), minutes(20));
  ASSERT_EQ(PayloadJobs().size(), 1u) << "the job of the server before";
  const Job job = PayloadJobs().front();
  Work(job);  // and is killed before it can tell
  substrate_.Fail(job.Workload(), -1, "killed by signal 9");
  TurnFor(minutes(20), minutes(1));
  ASSERT_EQ(PayloadJobs().size(), 1u);
  EXPECT_EQ(PayloadJobs().front().attempts, 2);
  ASSERT_EQ(PayloadJobs().front().state, JobState::kRunning);
  ASSERT_TRUE(FinishJob(job.id));
  EXPECT_EQ(PayloadJobs().front().output.at("segments"), 0) << "what was turned is not turned again";
  EXPECT_EQ(serving::CountPayloadSegmentsToTurn(folder_.File("projects/trips/payload"),
                                                folder_.File("projects/trips/payload-parquet")),
            0u);
}

}  // namespace
}  // namespace keelson::control
