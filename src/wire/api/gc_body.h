#pragma once

#include <string>
#include <vector>

#include "control/types.h"
#include "tracking/garbage.h"

namespace keelson::wire::api {

// POST /api/keelson/v1/gc: {"deleted_for": "30d", "dry_run": true, "price": 0.023, "artifacts": [{"age": "90d",
// "experiment": "NAME", "keep_stages": ["Production"], "keep_best": {"metric": "auc", "count": 5, "order":
// "largest"}}]}. Everything but `age` may be left out; see docs/api.md.
struct GcBody {
  tracking::GarbagePolicy policy;
  bool dry_run = false;
  double price = 0;  // of a GB for a month, in whatever money
};
Result<GcBody> ReadGcBody(const std::string& body);

// {"dry_run", "bytes", "saved_a_month", "items": [{"kind", "id", "bytes", "reason"}]}
control::Json GcAnswer(const GcBody& body, const std::vector<tracking::GarbageItem>& items);

}  // namespace keelson::wire::api
