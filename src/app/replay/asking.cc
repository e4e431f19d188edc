#include "app/replay/asking.h"

#include <algorithm>

namespace keelson::app {
namespace {

using std::chrono::steady_clock;

// While one thread waits for its answers the other writes its questions.
constexpr std::size_t kThreads = 2;

}  // namespace

Asking::Asking(Options options, ReplayTally so_far) : options_(std::move(options)), tally_(std::move(so_far)) {
  const auto at_once = static_cast<std::size_t>(std::max(options_.at_once, 1));
  const std::size_t threads = std::min(kThreads, at_once);
  in_one_go_ = std::min(at_once / threads, io::HttpConnection::kPipelineAtMost);
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { Run(); });
}

Asking::~Asking() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_.notify_all();
  for (auto& thread : threads_) thread.join();
}

void Asking::Add(LivedInstant instant) {
  {
    const std::lock_guard lock(mutex_);
    under_way_.push_back({.lived = std::move(instant), .unanswered = 0, .came = {}});
    UnderWayInstant& added = under_way_.back();
    added.unanswered = added.lived.rows.size();
    for (const std::size_t row : added.lived.rows) waiting_.push_back({&added, row, std::nullopt});
    if (added.unanswered == 0) {
      Answered({});
      return;
    }
  }
  work_.notify_all();
}

std::optional<Instant> Asking::Unanswered() const {
  const std::lock_guard lock(mutex_);
  if (under_way_.empty()) return std::nullopt;
  return under_way_.front().lived.at;
}

std::size_t Asking::UnderWay() const {
  const std::lock_guard lock(mutex_);
  return under_way_.size();
}

Status Asking::WaitFor(std::size_t under_way_at_most) {
  std::unique_lock lock(mutex_);
  progress_.wait(lock, [&] { return under_way_.size() <= under_way_at_most || !failed_; });
  return failed_;
}

ReplayTally Asking::Tally() const {
  const std::lock_guard lock(mutex_);
  return tally_;
}

void Asking::Run() {
  const auto connection = io::HttpConnection::Create(options_.target);
  for (;;) {
    std::vector<Question> questions;
    {
      std::unique_lock lock(mutex_);
      work_.wait(lock, [this] { return stopping_ || !failed_ || !waiting_.empty(); });
      if (stopping_ || !failed_) return;
      const auto count = static_cast<std::ptrdiff_t>(std::min(in_one_go_, waiting_.size()));
      questions.assign(waiting_.begin(), waiting_.begin() + count);
      waiting_.erase(waiting_.begin(), waiting_.begin() + count);
    }
    const Status asked = Ask(*connection, questions);
    const std::lock_guard lock(mutex_);
    if (asked) {
      Answered(questions);
    } else {
      failed_ = asked;
      work_.notify_all();
    }
    progress_.notify_all();
  }
}

// All at once; those that got no answer again, one by one.
Status Asking::Ask(io::HttpConnection& connection, std::vector<Question>& questions) {
  std::vector<io::HttpCall> calls;
  for (const Question& question : questions) calls.push_back(options_.call(question.row));
  std::vector<std::chrono::microseconds> latencies;
  const auto answers = connection.Pipeline(calls, &latencies);
  for (std::size_t i = 0; i < questions.size(); ++i) {
    if (answers && (*answers)[i].status == 200) {
      questions[i].latency_us = static_cast<std::uint32_t>(latencies[i].count());
    } else {
      KEELSON_RETURN_IF_ERROR(AskAgain(connection, questions[i]));
    }
  }
  return {};
}

Status Asking::AskAgain(io::HttpConnection& connection, Question& question) {
  const io::HttpCall call = options_.call(question.row);
  const auto first = steady_clock::now();
  for (;;) {
    const auto started = steady_clock::now();
    const auto answer = connection.Call(call);
    if (answer && answer->status == 200) {
      question.latency_us = static_cast<std::uint32_t>(
          std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - started).count());
      return {};
    }
    if (answer && answer->status >= 400 && answer->status < 500 && answer->status != 429) {
      return Fail(ErrorCode::kFailedPrecondition, "the endpoint refused a request: " + answer->body, options_.endpoint);
    }
    if (steady_clock::now() - first > options_.give_up_after) return {};
    if (!Pause()) return Fail(ErrorCode::kUnavailable, "the replay has ended", options_.endpoint);
  }
}

bool Asking::Pause() {
  std::unique_lock lock(mutex_);
  return !work_.wait_for(lock, options_.retry_period, [this] { return stopping_ || !failed_; });
}

// With the lock held. Instants count in their order, so that the tally is one of a whole past.
void Asking::Answered(const std::vector<Question>& questions) {
  for (const Question& question : questions) {
    MonthOfAsking& came = question.instant->came;
    ++came.asked;
    if (question.latency_us) {
      came.latencies_us.push_back(*question.latency_us);
    } else {
      ++came.failed;
    }
    --question.instant->unanswered;
  }
  for (; !under_way_.empty() && under_way_.front().unanswered == 0; under_way_.pop_front()) {
    const UnderWayInstant& over = under_way_.front();
    tally_.position = over.lived.end;
    tally_.refused_batches += over.lived.refused_batches;
    tally_.refused_rows += over.lived.refused_rows;
    for (const std::string& refusal : over.lived.refusals) {
      if (tally_.refusals.size() < ReplayTally::kRefusalsTold) tally_.refusals.push_back(refusal);
    }
    if (over.lived.rows.empty()) continue;
    tally_.asked += over.came.asked;
    MonthOfAsking& month = tally_.months[over.lived.month];
    month.asked += over.came.asked;
    month.failed += over.came.failed;
    month.latencies_us.insert(month.latencies_us.end(), over.came.latencies_us.begin(), over.came.latencies_us.end());
  }
}

}  // namespace keelson::app
