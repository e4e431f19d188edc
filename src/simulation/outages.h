#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "simulation/fleet.h"

namespace keelson::simulation {

// What fails in a simulation. Rates are expected numbers in an hour, from 0 to kMostRate.
struct Failures {
  static constexpr double kMostRate = 60;

  std::uint64_t seed = 42;
  std::optional<double> interruptions;        // of each spot node; nothing: as its pool says
  double node_loss = 0;                       // of each node, without a word
  double zone_loss = 0;                       // of each zone, all its nodes at once
  Duration notice = std::chrono::minutes(2);  // between the word that a spot node will be taken and that
  Duration back = std::chrono::minutes(10);   // until another stands in its place
};

// The machines of a fleet as time goes on: which are there, which fail when, and what they cost. When something fails
// follows from the seed, the rates and the names of pool, number and zone alone: not from what a policy does, nor from
// how many other machines there are. A node that is away costs nothing.
class Outages {
 public:
  struct Change {
    enum class Kind { kNotice, kGone, kBack } kind = Kind::kGone;
    int node = -1;
    Instant gone_at;  // of a notice
    bool operator==(const Change&) const = default;
  };
  static constexpr std::size_t kMostFailures = 10'000'000;

  // Refers to the fleet, which must outlive it. Time begins at Instant{}.
  Outages(const Fleet& fleet, const Failures& failures);

  // When something changes next; nothing when nothing ever does.
  std::optional<Instant> Next() const;
  // Some node is away, or about to be, and will come back.
  bool Returning() const { return away_ + noticed_ > 0; }
  // What changes up to `now`, in order. kResourceExhausted when more than kMostFailures have failed.
  Result<std::vector<Change>> Take(Instant now);
  // True for a node that is not of the fleet.
  bool IsThere(int node) const;

  // What was there from the last call, or the beginning, until `now` is paid for.
  void Pay(Instant now);
  struct Paid {
    double node_hours = 0;
    double cost = 0;  // in the fleet's currency
  };
  const std::vector<Paid>& paid() const { return paid_; }  // by pool
  std::vector<double> CostOfPools() const;
  double cost() const;                                      // of all
  std::size_t interrupted() const { return interrupted_; }  // spot nodes that were taken
  std::size_t lost() const { return lost_; }                // nodes that failed without a word

 private:
  enum class Due { kBack, kGone, kInterruption, kNodeLoss, kZoneLoss };
  struct NodeIs {
    int pool = 0;
    int zone = 0;
    std::int64_t price = 0;
    bool there = true;
    std::optional<Instant> gone_at;  // it was told
  };
  struct Stream {
    Random random;
    double rate = 0;
    int about = -1;  // a node, or a zone
    Due kind = Due::kNodeLoss;
  };
  void AddStream(Due kind, int about, double rate, std::uint64_t seed, const std::string& name);
  void DrawNext(std::size_t stream, Instant from);
  void Strike(std::size_t stream, Instant now, std::vector<Change>& changes);
  void Lose(int node, Instant now, std::vector<Change>& changes);
  void Count(const NodeIs& node, int step);

  const Failures failures_;
  std::vector<NodeIs> nodes_;
  std::vector<std::vector<int>> zones_;  // their nodes
  std::vector<Stream> streams_;
  std::set<std::tuple<Instant, Due, int>> due_;  // the last: a node, or a stream
  int away_ = 0;
  int noticed_ = 0;
  std::size_t failed_ = 0;
  std::size_t interrupted_ = 0;
  std::size_t lost_ = 0;
  Instant paid_until_;
  std::vector<std::int64_t> hourly_;  // by pool, of what is there
  std::vector<int> there_;            // by pool
  std::vector<Paid> paid_;
};

}  // namespace keelson::simulation
