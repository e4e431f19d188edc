#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "io/database.h"

namespace keelson::tracking {

// The numbers that stand for metric keys in the tables, remembered so that a batch asks for each key once in the life
// of the server. A number is remembered only after the transaction that gave it has been written (Remember), for one
// that is rolled back gives it to another key. Thread-safe.
class MetricKeys {
 public:
  using Numbers = std::unordered_map<std::string, std::int64_t>;

  // The number of `key`, in `numbers` from then on; within a writing transaction, which makes it when there is none.
  Result<std::int64_t> Take(io::SqlSession& session, const std::string& key, Numbers& numbers);
  void Remember(const Numbers& numbers);

 private:
  std::mutex mutex_;
  Numbers known_;
};

}  // namespace keelson::tracking
