#pragma once

#include <string>

#include "app/client/client.h"
#include "app/replay/replay.h"

namespace keelson::app {

// What the server knows by month (models, drift, retrainings) and what the asking side knows (asked, failed,
// latencies):
// {"months": [...], "mean": {...}, "asking_seconds", "waiting_seconds", "refused_batches", "refusals"}.
Json MergeSummary(const Json& served, const ReplayResult& asked);

// The months' means: "auc_live", and live less frozen "auc_gain" and "logloss_gain", each over the months that have
// them.
Json MeanOfMonths(const Json& months);

// As a table for people, with the mean of the months.
std::string SummaryText(const Json& summary);

}  // namespace keelson::app
