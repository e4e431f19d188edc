#pragma once

#include "io/database.h"
#include "tracking/store.h"

namespace keelson::tracking {

// Within a transaction. Points the alias at `change.to`, when its rule allows that (CheckPromotion), or removes it, and
// records who did it; `change.from` is filled in. Gives whether it changed anything; nothing is recorded when not.
Result<bool> MoveAlias(io::SqlSession& session, AliasChange change);
Status RecordChange(io::SqlSession& session, const AliasChange& change);

}  // namespace keelson::tracking
