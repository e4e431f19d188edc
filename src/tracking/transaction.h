#pragma once

#include <utility>

#include "io/database.h"

namespace keelson::tracking {

// Runs `work` (a callable from io::SqlSession& to a Result or a Status) in a transaction and gives what it gives. A
// writing transaction is on disk when this returns, and may run twice: `work` sets what it captures anew.
template <typename Work, typename Transaction>
auto Giving(const Work& work, const Transaction& transaction) {
  using Given = decltype(work(std::declval<io::SqlSession&>()));
  Given given = Fail(ErrorCode::kInternal, "the transaction did not run");
  const Status status = transaction([&](io::SqlSession& session) -> Status {
    given = work(session);
    if (!given.has_value()) return std::unexpected(given.error());
    return {};
  });
  if (!status.has_value()) given = std::unexpected(status.error());
  return given;
}

template <typename Work>
auto Writing(io::Database& database, const Work& work) {
  return Giving(work, [&](const auto& inner) { return database.Write(inner); });
}

template <typename Work>
auto Reading(io::Database& database, const Work& work) {
  return Giving(work, [&](const auto& inner) { return database.Read(inner); });
}

}  // namespace keelson::tracking
