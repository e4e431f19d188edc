#include "monitoring/monitor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>
#include <unordered_map>

#include "base/hash.h"
#include "monitoring/performance.h"

namespace keelson::monitoring {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr std::string_view kScore = "score";

// A request id by 128 bits of hash: ids are kept for ever, so that a repeat is known.
struct RequestKey {
  std::uint64_t a;
  std::uint64_t b;
  bool operator==(const RequestKey&) const = default;
};
struct RequestKeyHash {
  std::size_t operator()(const RequestKey& key) const { return key.a; }
};

RequestKey KeyOf(const std::string& request_id) {
  return {StableHash(request_id), StableHash("\x01" + request_id)};
}

// What is known of one request: an observation, a label, or both.
struct Record {
  Instant time;
  Instant known;
  double score = 0;
  double baseline = kNone;
  bool observed = false;
  bool labelled = false;
  bool positive = false;
  std::uint32_t month = 0;
};

// An observation inside the drift window; its bins stand in a common vector.
struct Binned {
  Instant time;
  std::uint32_t record;
};

struct Month {
  MonthReport report;  // of when it was last measured
  bool stale = true;
  std::vector<std::uint32_t> records;
};

// The instant `span` before `at`, without wrapping around.
Instant Before(Instant at, Duration span) {
  return at < Instant::min() + span ? Instant::min() : at - span;
}

class MonitorImpl final : public Monitor {
 public:
  MonitorImpl(Options options, Calendar calendar) : options_(std::move(options)), calendar_(std::move(calendar)) {}

  void SetProfile(data::Profile profile, Instant since) override {
    profile_ = std::move(profile);
    since_ = since;
    inputs_ = profile_.columns.size();
    if (inputs_ > 0 && profile_.columns.back().name == kScore) --inputs_;
    binned_.clear();
    bins_.clear();
  }

  void AddObservation(Observation observation) override {
    const std::uint32_t index = IndexOf(observation.request_id);
    Record& record = records_[index];
    const double baseline = observation.baseline_score.value_or(kNone);
    if (record.observed) {
      if (!Earlier(observation, baseline, record)) return;
      Withdraw(index);
    }
    record.observed = true;
    record.time = observation.time;
    record.score = observation.score;
    record.baseline = baseline;
    record.month = MonthOf(observation.time);
    months_[record.month].records.push_back(index);
    months_[record.month].stale = true;
    if (record.labelled) labelled_.push_back(index);
    Bin(observation, index);
  }

  void AddLabel(const Label& label) override {
    const std::uint32_t index = IndexOf(label.request_id);
    Record& record = records_[index];
    const bool positive = label.value > 0.5;
    if (record.labelled && std::tuple(record.known, record.positive) <= std::tuple(label.known, positive)) return;
    if (record.observed) {
      if (!record.labelled) labelled_.push_back(index);
      months_[record.month].stale = true;
    }
    record.labelled = true;
    record.known = label.known;
    record.positive = positive;
  }

  WindowReport Report(Instant at) override {
    latest_ = std::max(latest_, at);
    Forget();
    WindowReport report;
    report.at = at;
    CountDrift(report);
    const Instant from = Before(at, options_.performance_window);
    std::vector<std::uint32_t> in_window;
    for (const std::uint32_t index : labelled_) {
      if (records_[index].known > from && records_[index].known <= at) in_window.push_back(index);
    }
    std::tie(report.live, report.baseline) = MeasureRecords(in_window);
    return report;
  }

  std::vector<MonthReport> Months() override {
    std::vector<MonthReport> reports;
    for (Month& month : months_) {
      if (month.records.empty()) continue;
      if (month.stale) {
        month.report.asked = month.records.size();
        std::tie(month.report.live, month.report.baseline) = MeasureRecords(month.records);
        month.stale = false;
      }
      reports.push_back(month.report);
    }
    std::ranges::sort(reports, {}, &MonthReport::month);
    return reports;
  }

 private:
  std::uint32_t IndexOf(const std::string& request_id) {
    const auto [found, is_new] = index_.try_emplace(KeyOf(request_id), static_cast<std::uint32_t>(records_.size()));
    if (is_new) records_.emplace_back();
    return found->second;
  }

  // Whether the observation goes before the one held: by time, then by what else is kept, so that no order matters.
  static bool Earlier(const Observation& observation, double baseline, const Record& held) {
    const auto rank = [](Instant time, double score, double base) {
      return std::tuple(time, std::isnan(score) ? -1.0 : score, std::isnan(base) ? -1.0 : base);
    };
    return rank(observation.time, observation.score, baseline) < rank(held.time, held.score, held.baseline);
  }

  // Undoes AddObservation of the record. Rare, and so by search.
  void Withdraw(std::uint32_t index) {
    Month& month = months_[records_[index].month];
    std::erase(month.records, index);
    month.stale = true;
    std::erase(labelled_, index);
    for (std::size_t i = 0; i < binned_.size(); ++i) {
      if (binned_[i].record != index) continue;
      const std::size_t width = profile_.columns.size();
      binned_.erase(binned_.begin() + static_cast<std::ptrdiff_t>(i));
      const auto begin = bins_.begin() + static_cast<std::ptrdiff_t>(i * width);
      bins_.erase(begin, begin + static_cast<std::ptrdiff_t>(width));
      return;
    }
  }

  void Bin(const Observation& observation, std::uint32_t index) {
    if (observation.time <= since_ || observation.time <= Before(latest_, 2 * options_.drift_window)) return;
    binned_.push_back({observation.time, index});
    for (std::size_t i = 0; i < profile_.columns.size(); ++i) {
      const data::ColumnProfile& column = profile_.columns[i];
      const std::size_t bin = i >= inputs_                    ? column.BinOf(observation.score)
                              : i < observation.inputs.size() ? column.BinOf(observation.inputs[i])
                                                              : column.bins() - 1;
      bins_.push_back(static_cast<std::uint16_t>(bin));
    }
  }

  void CountDrift(WindowReport& report) const {
    const Instant from = Before(report.at, options_.drift_window);
    const std::size_t width = profile_.columns.size();
    std::vector<std::vector<std::uint64_t>> counts(width);
    for (std::size_t i = 0; i < width; ++i) counts[i].resize(profile_.columns[i].bins());
    for (std::size_t row = 0; row < binned_.size(); ++row) {
      if (binned_[row].time <= from || binned_[row].time > report.at) continue;
      ++report.predictions;
      for (std::size_t i = 0; i < width; ++i) ++counts[i][bins_[row * width + i]];
    }
    if (report.predictions == 0) return;
    for (std::size_t i = 0; i < width; ++i) {
      const data::ColumnProfile& column = profile_.columns[i];
      report.drift.push_back({column.name, data::PopulationStabilityIndex(column.counts, counts[i])});
    }
  }

  // Lets go what no allowed report asks for, once it is half of what is held.
  void Forget() {
    const Instant oldest = Before(latest_, 2 * options_.drift_window);
    const auto gone = static_cast<std::size_t>(
        std::ranges::count_if(binned_, [&](const Binned& binned) { return binned.time <= oldest; }));
    if (gone > 0 && gone * 2 >= binned_.size()) {
      const std::size_t width = profile_.columns.size();
      std::size_t kept = 0;
      for (std::size_t row = 0; row < binned_.size(); ++row) {
        if (binned_[row].time <= oldest) continue;
        binned_[kept] = binned_[row];
        std::copy_n(bins_.begin() + static_cast<std::ptrdiff_t>(row * width), width,
                    bins_.begin() + static_cast<std::ptrdiff_t>(kept * width));
        ++kept;
      }
      binned_.resize(kept);
      bins_.resize(kept * width);
    }
    const Instant first_label = Before(latest_, 2 * options_.performance_window);
    const auto old = [&](std::uint32_t index) { return records_[index].known <= first_label; };
    const auto old_labels = static_cast<std::size_t>(std::ranges::count_if(labelled_, old));
    if (old_labels > 0 && old_labels * 2 >= labelled_.size()) std::erase_if(labelled_, old);
  }

  std::pair<Performance, Performance> MeasureRecords(const std::vector<std::uint32_t>& indices) const {
    std::vector<Outcome> live;
    std::vector<Outcome> baseline;
    for (const std::uint32_t index : indices) {
      const Record& record = records_[index];
      if (!record.labelled) continue;
      live.push_back({record.score, record.positive});
      baseline.push_back({record.baseline, record.positive});
    }
    return {Measure(std::move(live)), Measure(std::move(baseline))};
  }

  // Months are asked of the calendar once a quarter of an hour of data: local midnights fall on these.
  std::uint32_t MonthOf(Instant time) {
    const std::int64_t quarter =
        std::chrono::floor<std::chrono::duration<std::int64_t, std::ratio<900>>>(time).time_since_epoch().count();
    const auto [cached, is_new] = month_of_quarter_.try_emplace(quarter, 0);
    if (!is_new) return cached->second;
    const std::string name = calendar_.Month(time);
    std::uint32_t number = 0;
    while (number < months_.size() && months_[number].report.month != name) ++number;
    if (number == months_.size()) {
      months_.emplace_back();
      months_.back().report.month = name;
    }
    return cached->second = number;
  }

  const Options options_;
  const Calendar calendar_;
  data::Profile profile_;
  std::size_t inputs_ = 0;  // columns of the profile before the score's
  Instant since_ = Instant::min();
  Instant latest_ = Instant::min();  // report

  std::unordered_map<RequestKey, std::uint32_t, RequestKeyHash> index_;
  std::vector<Record> records_;
  std::vector<Binned> binned_;
  std::vector<std::uint16_t> bins_;      // of each of binned_, one a column of the profile
  std::vector<std::uint32_t> labelled_;  // records with both, the old ones apart
  std::vector<Month> months_;
  std::unordered_map<std::int64_t, std::uint32_t> month_of_quarter_;
};

}  // namespace

Result<std::unique_ptr<Monitor>> Monitor::Create(Options options) {
  if (options.drift_window <= Duration{} || options.performance_window <= Duration{}) {
    return Fail(ErrorCode::kInvalidArgument, "a monitoring window must be positive", "monitor");
  }
  KEELSON_ASSIGN_OR_RETURN(Calendar calendar, Calendar::Open(options.time_zone));
  return std::make_unique<MonitorImpl>(std::move(options), std::move(calendar));
}

}  // namespace keelson::monitoring
