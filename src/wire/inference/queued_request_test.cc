#include "wire/inference/queued_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "serving/tensor_batch.h"

namespace keelson::wire::inference {
namespace {

using std::chrono::microseconds;
using std::chrono::nanoseconds;
using testing::HasSubstr;
using Time = serving::BatchQueue::Time;

// What became of a request.
struct Outcome {
  int answers = 0;
  bool alone = false;
  Result<std::vector<Tensor>> outputs = std::vector<Tensor>{};
};

class TestRequest final : public QueuedRequest {
 public:
  TestRequest(std::shared_ptr<ServedModels::Entry> entry, const StageWatch& watch, InferRequest read, Outcome* outcome,
              Time deadline = Time::max())
      : QueuedRequest(std::move(entry), watch), read_(std::move(read)), outcome_(outcome) {
    Place(read_, deadline);
  }
  void Compute() override {
    outcome_->alone = true;
    Answer(entry().served.model->Infer(read_.inputs));
  }
  InferRequest* shared() override { return &read_; }
  void Answer(Result<std::vector<Tensor>> outputs) override {
    ++outcome_->answers;
    outcome_->outputs = std::move(outputs);
  }

 private:
  InferRequest read_;
  Outcome* outcome_;
};

class QueuedRequestTest : public testing::Test {
 protected:
  QueuedRequestTest() {
    serving::ModelSource source;
    source.name = "net";
    source.path = KEELSON_SOURCE_DIR "/src/serving/testdata/onnx/network.onnx";
    source.tensors = true;
    std::vector<Served> served(1);
    served[0].model = *serving::LoadedModel::Load(source);
    served[0].policy.max_rows = 100;
    models_ = std::make_unique<ServedModels>(std::move(served), nullptr, clock_, ComputeQueued);
    entry_ = *models_->Find("net", "");
  }

  // One input of `rows` rows of the model's own width.
  InferRequest Asking(std::int64_t rows, float first) {
    InferRequest asked;
    const auto& info = entry_->served.model->tensor_inputs()[0];
    Tensor& tensor = asked.inputs.emplace_back();
    tensor.name = info.name;
    tensor.datatype = info.datatype;
    tensor.shape = info.shape;
    tensor.shape[0] = rows;
    for (std::size_t i = 0; i < tensor.elements(); ++i) {
      tensor.floats.push_back(first + 0.25F * static_cast<float>(i));
    }
    return asked;
  }
  std::unique_ptr<TestRequest> Make(InferRequest asked, Outcome* outcome, Time deadline = Time::max()) {
    return std::make_unique<TestRequest>(entry_, StageWatch(clock_, {}), std::move(asked), outcome, deadline);
  }

  ManualClock clock_;
  std::unique_ptr<ServedModels> models_;
  std::shared_ptr<ServedModels::Entry> entry_;
};

TEST_F(QueuedRequestTest, ComputedTogetherEachHearsWhatItWouldHearAlone) {
  for (int round = 0; round < 20; ++round) {  // also when not every batch is checked
    std::vector<Outcome> outcomes(3);
    serving::BatchRunner::Tasks batch;
    std::vector<InferRequest> asked = {Asking(1, 0.5F), Asking(3, -2), Asking(2, static_cast<float>(round))};
    for (std::size_t i = 0; i < asked.size(); ++i) batch.push_back(Make(asked[i], &outcomes[i]));
    EXPECT_NE(batch[0]->ask.shape, 0u);
    EXPECT_EQ(batch[0]->ask.shape, batch[1]->ask.shape);
    EXPECT_EQ(batch[1]->ask.rows, 3u);
    ComputeQueued(std::move(batch));
    for (std::size_t i = 0; i < asked.size(); ++i) {
      ASSERT_EQ(outcomes[i].answers, 1);
      ASSERT_TRUE(outcomes[i].outputs.has_value());
      EXPECT_TRUE(serving::SameBits(*outcomes[i].outputs, *entry_->served.model->Infer(asked[i].inputs)));
      EXPECT_EQ(outcomes[i].alone, !entry_->trust.trusted());
    }
  }
  EXPECT_TRUE(!entry_->trust.trusted() || entry_->metrics.executions() == 20);
}

TEST_F(QueuedRequestTest, WhereTheBatchFailsEachHearsItsOwnError) {
  std::vector<Outcome> outcomes(2);
  serving::BatchRunner::Tasks batch;
  auto wrong = Asking(1, 0);
  wrong.inputs[0].name = "nothing";
  batch.push_back(Make(Asking(1, 0), &outcomes[0]));
  batch.push_back(Make(wrong, &outcomes[1]));
  ComputeQueued(std::move(batch));
  EXPECT_TRUE(outcomes[0].outputs.has_value());
  ASSERT_FALSE(outcomes[1].outputs.has_value());
  EXPECT_THAT(outcomes[1].outputs.error().message, HasSubstr("unknown input"));
}

TEST_F(QueuedRequestTest, WhatExpiredWhileThoseBeforeItWereComputedIsRefused) {
  Outcome outcome;
  serving::BatchRunner::Tasks batch;
  batch.push_back(Make(Asking(1, 0), &outcome, clock_.MonotonicNow() + microseconds(5)));
  clock_.Advance(std::chrono::microseconds(5));
  ComputeQueued(std::move(batch));
  EXPECT_EQ(outcome.answers, 1);
  EXPECT_EQ(outcome.outputs.error().code, ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(entry_->metrics.refusals(ModelMetrics::Refusal::kExpired), 1u);
}

TEST_F(QueuedRequestTest, SaysWhyItIsRefused) {
  const std::pair<serving::BatchQueue::Admission, ErrorCode> cases[] = {
      {serving::BatchQueue::Admission::kFull, ErrorCode::kResourceExhausted},
      {serving::BatchQueue::Admission::kExpired, ErrorCode::kDeadlineExceeded},
      {serving::BatchQueue::Admission::kEnded, ErrorCode::kUnavailable}};
  for (const auto& [why, code] : cases) {
    Outcome outcome;
    Make(Asking(1, 0), &outcome)->Refuse(why);
    EXPECT_EQ(outcome.outputs.error().code, code);
  }
}

TEST_F(QueuedRequestTest, QuickIsWhatItsModelWasSeenToAnswerQuickly) {
  EXPECT_FALSE(Quick(*entry_, false, 500));  // nothing is known of it
  entry_->cost.Observe(500, microseconds(30));
  EXPECT_TRUE(Quick(*entry_, false, 500));
  EXPECT_FALSE(Quick(*entry_, false, 8'000));
  EXPECT_FALSE(Quick(*entry_, false, kReadHere + 1));
  EXPECT_FALSE(Quick(*entry_, true, 500));
}

TEST_F(QueuedRequestTest, AskingAnswersHereWhenItIsQuickElseByTheQueue) {
  const TensorLimits limits;
  const auto asked = Asking(2, 1);
  const auto expected = *entry_->served.model->Infer(asked.inputs);
  SystemClock clock;  // the queue's threads look at it too
  for (const bool quick : {false, true}) {
    std::promise<Result<std::vector<Tensor>>> answer;
    std::thread::id thread;
    Ask(entry_, asked, {}, StageWatch(clock, {}), clock, limits, [&](Result<std::vector<Tensor>> outputs, bool) {
      thread = std::this_thread::get_id();
      answer.set_value(std::move(outputs));
    });
    const auto outputs = answer.get_future().get();
    ASSERT_TRUE(outputs.has_value());
    EXPECT_TRUE(serving::SameBits(*outputs, expected));
    EXPECT_EQ(thread == std::this_thread::get_id(), quick);
    for (int i = 0; i < 100; ++i) entry_->cost.Observe(asked.inputs[0].elements() * 4, microseconds(20));
  }
  EXPECT_EQ(entry_->metrics.successes(), 2u);
  Result<std::vector<Tensor>> late = std::vector<Tensor>{};
  RequestContext context;
  context.timeout = nanoseconds(0);
  bool untouched = false;
  Ask(entry_, asked, context, StageWatch(clock, {}), clock, limits,
      [&](Result<std::vector<Tensor>> outputs, bool nothing_done) {
        late = std::move(outputs);
        untouched = nothing_done;
      });
  ASSERT_FALSE(late.has_value());
  EXPECT_TRUE(untouched);
  EXPECT_EQ(late.error().code, ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(entry_->metrics.refusals(ModelMetrics::Refusal::kExpired), 1u);
}

TEST(DeadlineOf, TheShortestTimeoutThatHolds) {
  serving::BatchPolicy policy;
  const Time now{};
  EXPECT_EQ(DeadlineOf(policy, now, std::nullopt), Time::max());
  EXPECT_EQ(DeadlineOf(policy, now, std::nullopt, 0), Time::max());  // Triton's word for none
  EXPECT_EQ(DeadlineOf(policy, now, microseconds(5)), now + microseconds(5));
  EXPECT_EQ(DeadlineOf(policy, now, microseconds(5), 3), now + microseconds(3));
  EXPECT_EQ(DeadlineOf(policy, now, microseconds(5), 9), now + microseconds(5));
  EXPECT_GT(DeadlineOf(policy, now, std::nullopt, UINT64_MAX), now);
  policy.default_timeout = microseconds(2);
  EXPECT_EQ(DeadlineOf(policy, now, microseconds(5), 9), now + microseconds(2));
}

}  // namespace
}  // namespace keelson::wire::inference
