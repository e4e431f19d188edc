#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "app/replay/replay.h"
#include "base/result.h"
#include "base/time.h"
#include "io/http.h"

namespace keelson::app {

// An instant of the past whose rows the server has taken.
struct LivedInstant {
  Instant at;
  std::size_t end = 0;            // the place in the past's events behind it
  std::string month;              // in which it asks
  std::vector<std::size_t> rows;  // that ask at it
  std::uint64_t refused_batches = 0;
  std::uint64_t refused_rows = 0;
  std::vector<std::string> refusals;
};

// What came of all instants up to one: every question of theirs is answered or given up.
struct ReplayTally {
  static constexpr std::size_t kRefusalsTold = 5;
  std::size_t position = 0;  // the place in the past's events behind them
  std::uint64_t asked = 0;
  std::map<std::string, MonthOfAsking> months;
  std::uint64_t refused_batches = 0;
  std::uint64_t refused_rows = 0;
  std::vector<std::string> refusals;  // the first
};

// Asks the questions of instants on threads of its own, pipelined, in the order of the instants and several at once; a
// question that gets no answer is asked again with the same id. Owned by one replay, which calls it from one thread.
class Asking {
 public:
  struct Options {
    io::HttpTarget target;
    std::string endpoint;
    int at_once = 1;                                    // questions under way
    std::function<io::HttpCall(std::size_t row)> call;  // from any thread
    std::chrono::milliseconds retry_period{50};
    std::chrono::milliseconds give_up_after{180'000};  // of one question, all its retries together
  };
  Asking(Options options, ReplayTally so_far);
  ~Asking();  // what is not asked yet stays unasked
  Asking(const Asking&) = delete;
  Asking& operator=(const Asking&) = delete;

  void Add(LivedInstant instant);
  // The first instant that has a question without an answer.
  std::optional<Instant> Unanswered() const;
  std::size_t UnderWay() const;  // instants added whose turn in the tally has not come
  // Until no more than so many are under way. The error, if one stopped the asking: the endpoint refused a question.
  Status WaitFor(std::size_t under_way_at_most);
  ReplayTally Tally() const;

 private:
  struct UnderWayInstant {
    LivedInstant lived;
    std::size_t unanswered = 0;
    MonthOfAsking came;
  };
  struct Question {
    UnderWayInstant* instant;
    std::size_t row;
    std::optional<std::uint32_t> latency_us;  // nothing: given up
  };

  void Run();
  Status Ask(io::HttpConnection& connection, std::vector<Question>& questions);
  Status AskAgain(io::HttpConnection& connection, Question& question);
  bool Pause();  // between retries; false when all is over
  void Answered(const std::vector<Question>& questions);

  const Options options_;
  std::size_t in_one_go_ = 1;
  mutable std::mutex mutex_;  // guards all below but the threads
  std::condition_variable work_;
  std::condition_variable progress_;
  std::deque<UnderWayInstant> under_way_;
  std::deque<Question> waiting_;
  ReplayTally tally_;
  Status failed_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace keelson::app
