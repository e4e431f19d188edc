#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "io/database.h"

namespace keelson::tracking {

// Where a version may be promoted to: an alias ("champion") or a stage ("Production") of its model.
struct PromotionTarget {
  enum class Kind { kAlias, kStage };
  Kind kind = Kind::kAlias;
  std::string name;
  bool operator==(const PromotionTarget&) const = default;
};

// What a version must show before its model's alias or stage is given to it.
struct PromotionRule {
  PromotionTarget target = {};
  struct Metric {  // the latest of the version's run, or of its logged model where the run has none; NaN never passes
    std::string name;
    std::optional<double> at_least;
    std::optional<double> at_most;
    bool operator==(const Metric&) const = default;
  };
  struct Tag {
    std::string key;
    std::optional<std::string> value;  // nothing: any
    bool operator==(const Tag&) const = default;
  };
  std::vector<Metric> metrics = {};
  std::vector<Tag> tags = {};
  std::int64_t approvals = 0;  // of so many different people
  bool operator==(const PromotionRule&) const = default;
};

struct Approval {
  PromotionTarget target;
  std::string who;
  std::string comment;
  Instant when;
};

// The rules of registered models, and who has approved what. Rules go with their model, over its renaming too, and
// approvals with their version. What is not there is kNotFound. Thread-safe; the database and the clock outlive it.
class Promotions {
 public:
  Promotions(io::Database& database, const Clock& clock) : database_(database), clock_(clock) {}

  Result<std::vector<PromotionRule>> Rules(const std::string& model);
  // In the place of those that were there; one a target, else kInvalidArgument.
  Status SetRules(const std::string& model, const std::vector<PromotionRule>& rules);
  Status Approve(const std::string& model, std::int64_t version, const PromotionTarget& target, const std::string& who,
                 const std::string& comment);  // the same again changes nothing
  Result<std::vector<Approval>> Approvals(const std::string& model, std::int64_t version);

 private:
  io::Database& database_;
  const Clock& clock_;
};

// Within a transaction, before whatever makes a version the target's. kPermissionDenied names all that is missing.
Status CheckPromotion(io::SqlSession& session, const std::string& model, std::int64_t version,
                      const PromotionTarget& target);

std::string NameOf(const PromotionTarget& target);  // "alias:champion"

}  // namespace keelson::tracking
