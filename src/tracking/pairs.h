#pragma once

#include <string>
#include <string_view>

#include "io/database.h"
#include "tracking/records.h"
#include "tracking/search.h"

namespace keelson::tracking {

// What the tables of runs, experiments and models have in common; within a transaction.

Result<Pairs> ReadPairs(io::SqlSession& session, std::string_view sql, const io::SqlValue& owner);
// `sql` takes owner, key and value. A later pair of the same key wins where `sql` replaces.
Status PutPairs(io::SqlSession& session, std::string_view sql, const io::SqlValue& owner, const Pairs& pairs);

Lifecycle LifecycleNamed(std::string_view name);  // of the database
std::string_view NameOf(Lifecycle lifecycle);     // as the database and MLflow have it
std::string_view NameOf(RunStatus status);        // as the database has it
RunStatus RunStatusNamed(std::string_view name);  // of the database
SqlText ViewSql(std::string_view column, View view);

// Runs what PagedSql made and reads the record of each row: its id, then its sort values.
template <typename Record, typename ReadOne>
Result<Page<Record>> ReadPage(io::SqlSession& session, const SqlText& sql, const std::vector<SortColumn>& columns,
                              const Search& search, const ReadOne& read_one) {
  KEELSON_ASSIGN_OR_RETURN(auto rows, session.Query(sql.text, sql.values));
  Page<Record> page;
  if (rows.size() > static_cast<std::size_t>(search.at_most)) {
    rows.resize(static_cast<std::size_t>(search.at_most));
    page.next = PageToken(rows.back(), columns);
  }
  for (const auto& row : rows) {
    KEELSON_ASSIGN_OR_RETURN(Record record, read_one(row));
    page.records.push_back(std::move(record));
  }
  return page;
}

}  // namespace keelson::tracking
