#include "tracking/aliases.h"

#include "tracking/promotion.h"

namespace keelson::tracking {
namespace {

io::SqlValue Nullable(const std::optional<int>& version) {
  if (!version.has_value()) return std::monostate{};
  return std::int64_t{*version};
}

}  // namespace

Status RecordChange(io::SqlSession& session, const AliasChange& change) {
  KEELSON_RETURN_IF_ERROR(
      session.Execute("INSERT INTO alias_change (model, alias, from_version, to_version, who, reason, changed_us) "
                      "VALUES (?, ?, ?, ?, ?, ?, ?)",
                      {change.model, change.alias, Nullable(change.from), Nullable(change.to), change.who,
                       change.reason, ToMicros(change.when)}));
  return {};
}

Result<bool> MoveAlias(io::SqlSession& session, AliasChange change) {
  KEELSON_ASSIGN_OR_RETURN(const auto rows, session.Query("SELECT version FROM alias WHERE model = ? AND alias = ?",
                                                          {change.model, change.alias}));
  if (!rows.empty()) change.from = static_cast<int>(io::AsInt(rows[0][0]));
  if (change.from == change.to) return false;
  if (change.to.has_value()) {
    KEELSON_RETURN_IF_ERROR(
        CheckPromotion(session, change.model, *change.to, {PromotionTarget::Kind::kAlias, change.alias}));
    KEELSON_RETURN_IF_ERROR(session.Execute(
        "INSERT INTO alias VALUES (?, ?, ?) ON CONFLICT (model, alias) DO UPDATE SET version = excluded.version",
        {change.model, change.alias, std::int64_t{*change.to}}));
  } else {
    KEELSON_RETURN_IF_ERROR(
        session.Execute("DELETE FROM alias WHERE model = ? AND alias = ?", {change.model, change.alias}));
  }
  KEELSON_RETURN_IF_ERROR(RecordChange(session, change));
  return true;
}

}  // namespace keelson::tracking
