#include "tracking/metric_keys.h"

namespace keelson::tracking {

Result<std::int64_t> MetricKeys::Take(io::SqlSession& session, const std::string& key, Numbers& numbers) {
  if (const auto found = numbers.find(key); found != numbers.end()) return found->second;
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = known_.find(key); known != known_.end()) return known->second;
  }
  KEELSON_RETURN_IF_ERROR(session.Execute("INSERT OR IGNORE INTO metric_key (name) VALUES (?)", {key}));
  KEELSON_ASSIGN_OR_RETURN(const auto rows, session.Query("SELECT id FROM metric_key WHERE name = ?", {key}));
  return numbers[key] = io::AsInt(rows.at(0)[0]);
}

void MetricKeys::Remember(const Numbers& numbers) {
  if (numbers.empty()) return;
  const std::lock_guard lock(mutex_);
  known_.insert(numbers.begin(), numbers.end());
}

}  // namespace keelson::tracking
