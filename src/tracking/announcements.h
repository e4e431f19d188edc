#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/time.h"
#include "io/database.h"
#include "tracking/records.h"

namespace keelson::tracking {

// What happens in the registry, told to the webhooks that ask for it: each call leaves one delivery for each of them,
// in the transaction that makes the change, so that both are on disk or neither. A prompt, which is a registered model
// of a kind of its own, has events of its own. A webhook whose address takes nothing has at most kMostWaiting
// deliveries; what comes beside them is dropped, and the log says so.
inline constexpr std::int64_t kMostWaiting = 10'000;

Status AnnounceModel(io::SqlSession& session, Instant now, const ModelRecord& model);        // it was made
Status AnnounceVersion(io::SqlSession& session, Instant now, const VersionRecord& version);  // it was made

// `value`: nothing when the tag was deleted.
Status AnnounceModelTag(io::SqlSession& session, Instant now, const std::string& model, const std::string& key,
                        const std::optional<std::string>& value);
Status AnnounceVersionTag(io::SqlSession& session, Instant now, const std::string& model, std::int64_t version,
                          const std::string& key, const std::optional<std::string>& value);
// `version`: nothing when the alias was deleted.
Status AnnounceAlias(io::SqlSession& session, Instant now, const std::string& model, const std::string& alias,
                     std::optional<std::int64_t> version);

}  // namespace keelson::tracking
