#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "app/backtest/history.h"
#include "app/backtest/trainings.h"
#include "base/result.h"
#include "monitoring/monitor.h"

namespace keelson::app {

// The endpoint of a backtest: what was asked goes to the version that the gateway would have chosen, and into the
// monitor as the payload log would have brought it; the truth comes at the instants at which it became known. Serves in
// batches, by the replica's own engine. `history` and `trainings` outlive it.
class Traffic {
 public:
  static Result<std::unique_ptr<Traffic>> Create(const project::Project& project, const History& history,
                                                 const Trainings& trainings);

  // Lives through the past's events [begin, end). `shares`: versions and their percents, in the order of the split.
  Status Serve(std::size_t begin, std::size_t end, const std::vector<std::pair<int, int>>& shares);

  void Watch(int version, Instant since);  // the champion's profile is what the monitor compares with
  void Freeze(int version);                // the first champion, which every row is asked too

  Result<monitoring::WindowReport> Report(Instant at);
  Result<std::vector<monitoring::MonthReport>> Months();
  std::uint64_t asked() const { return asked_; }
  std::uint64_t labelled() const { return labelled_; }

 private:
  struct Prediction {
    std::size_t row;
    int version;
    double score;
  };

  Traffic(const project::Project& project, const History& history, const Trainings& trainings)
      : project_(project), history_(history), trainings_(trainings) {}
  Result<std::vector<double>> Predict(int version, const std::vector<std::size_t>& rows) const;
  // Hands what was served to the monitor; late, as the server reads its payload log only when it evaluates, so that the
  // first champion's own requests are compared too.
  Status Consume();

  const project::Project& project_;
  const History& history_;
  const Trainings& trainings_;
  std::unique_ptr<monitoring::Monitor> monitor_;
  std::vector<const data::Column*> watched_;  // of the model's rows, in the order of the profile; null: never asked
  std::optional<int> frozen_;
  std::vector<Prediction> served_;  // not yet with the monitor
  std::uint64_t asked_ = 0;
  std::uint64_t labelled_ = 0;
};

}  // namespace keelson::app
