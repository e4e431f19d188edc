#include "tracking/evaluation_datasets.h"

#include <fmt/format.h>

#include "base/base64.h"
#include "base/hash.h"
#include "base/random.h"
#include "base/strings.h"
#include "tracking/pairs.h"
#include "tracking/transaction.h"

namespace keelson::tracking {
namespace {

template <typename T>
io::SqlValue OrNull(const std::optional<T>& value) {
  return value ? io::SqlValue(*value) : io::SqlValue();
}

std::optional<std::string> OptionalOf(const io::SqlValue& value) {
  return io::IsNull(value) ? std::nullopt : std::optional(io::AsText(value));
}

std::string DigestOf(const std::string& name, std::int64_t now_ms) {
  constexpr std::size_t kDigits = 8;
  return Sha256::Hex(fmt::format("{}:{}", name, now_ms)).substr(0, kDigits);
}

std::string ProfileOf(std::int64_t records) {
  return fmt::format("{{\"num_records\": {}}}", records);
}

// A data set and the number of its row.
struct Row {
  std::int64_t number = 0;
  EvaluationDataset dataset;
};

Result<std::optional<Row>> ReadRow(io::SqlSession& session, const std::string& id) {
  KEELSON_ASSIGN_OR_RETURN(const auto rows,
                           session.Query("SELECT number, name, digest, schema, profile, created_ms, updated_ms, "
                                         "created_by, updated_by FROM evaluation_dataset WHERE id = ?",
                                         {id}));
  if (rows.empty()) return std::nullopt;
  const io::SqlRow& row = rows[0];
  Row read{io::AsInt(row[0]),
           {.id = id,
            .name = io::AsText(row[1]),
            .digest = io::AsText(row[2]),
            .schema = OptionalOf(row[3]),
            .profile = OptionalOf(row[4]),
            .created_ms = io::AsInt(row[5]),
            .updated_ms = io::AsInt(row[6]),
            .created_by = OptionalOf(row[7]),
            .updated_by = OptionalOf(row[8])}};
  KEELSON_ASSIGN_OR_RETURN(
      const auto tags,
      session.Query("SELECT key, value FROM evaluation_dataset_tag WHERE dataset = ? ORDER BY key", {read.number}));
  for (const auto& tag : tags) read.dataset.tags.emplace_back(io::AsText(tag[0]), OptionalOf(tag[1]));
  return read;
}

// kNotFound in words that differ from call to call, as MLflow's do: "{}" stands for the id.
Result<Row> RequireRow(io::SqlSession& session, const std::string& id, std::string_view words) {
  KEELSON_ASSIGN_OR_RETURN(auto row, ReadRow(session, id));
  if (row) return *std::move(row);
  return Fail(ErrorCode::kNotFound, fmt::format(fmt::runtime(words), id));
}

constexpr std::string_view kNoSuch = "Evaluation dataset with id '{}' not found";
constexpr std::string_view kNoSuchToTag = "Could not find evaluation dataset with ID {}";
constexpr std::string_view kNoSuchToMove = "Dataset '{}' not found";

Status PutTag(io::SqlSession& session, std::int64_t dataset, const std::string& key, const io::SqlValue& value) {
  KEELSON_RETURN_IF_ERROR(
      session.Execute("INSERT INTO evaluation_dataset_tag (dataset, key, value) VALUES (?, ?, ?) ON CONFLICT (dataset, "
                      "key) DO UPDATE SET value = excluded.value",
                      {dataset, key, value}));
  return {};
}

Result<std::int64_t> PutExperiment(io::SqlSession& session, std::int64_t dataset, const std::string& experiment,
                                   std::int64_t now_ms) {
  return session.Execute(
      "INSERT OR IGNORE INTO evaluation_dataset_experiment (dataset, experiment_id, added_ms) VALUES (?, ?, ?)",
      {dataset, experiment, now_ms});
}

std::string_view ColumnOf(std::string_view key) {
  if (key == "created_time") return "d.created_ms";
  if (key == "last_update_time") return "d.updated_ms";
  if (key == "created_by") return "d.created_by";
  if (key == "last_updated_by") return "d.updated_by";
  return "d.name";
}

SqlText ConditionSql(const Condition& condition) {
  if (condition.entity == Entity::kAttribute) {
    return CompareSql(ColumnOf(condition.key), condition.compare, condition.values);
  }
  SqlText sql;
  sql.Add("EXISTS (SELECT 1 FROM evaluation_dataset_tag p WHERE p.dataset = d.number AND p.key = ?", condition.key);
  sql.Add(" AND ");
  sql.Add(CompareSql("p.value", condition.compare, condition.values));
  sql.Add(")");
  return sql;
}

void AddList(SqlText& sql, const std::vector<std::string>& texts) {
  sql.Add("(");
  for (std::size_t i = 0; i < texts.size(); ++i) sql.Add(i == 0 ? "?" : ", ?", texts[i]);
  sql.Add(")");
}

}  // namespace

Result<EvaluationDataset> EvaluationDatasets::Create(const std::string& name, const OrderedJson& tags,
                                                     const std::vector<std::string>& experiments) {
  const std::int64_t now_ms = NowMillis();
  const std::string id = "d-" + RandomId();
  const auto user = tags.find(kUserTag);
  const io::SqlValue by = user == tags.end() || user->is_null() ? io::SqlValue() : io::SqlValue(PythonStr(*user));
  return Writing(database_, [&](io::SqlSession& session) -> Result<EvaluationDataset> {
    KEELSON_RETURN_IF_ERROR(
        session.Execute("INSERT INTO evaluation_dataset (id, name, digest, created_ms, updated_ms, created_by, "
                        "updated_by) VALUES (?, ?, ?, ?, ?, ?, ?)",
                        {id, name, DigestOf(name, now_ms), now_ms, now_ms, by, by}));
    KEELSON_ASSIGN_OR_RETURN(const Row row, RequireRow(session, id, kNoSuch));
    for (const auto& [key, value] : tags.items()) {
      KEELSON_RETURN_IF_ERROR(
          PutTag(session, row.number, key, value.is_null() ? io::SqlValue() : io::SqlValue(PythonStr(value))));
    }
    for (const auto& experiment : experiments) {
      KEELSON_RETURN_IF_ERROR(PutExperiment(session, row.number, experiment, now_ms));
    }
    KEELSON_ASSIGN_OR_RETURN(Row made, RequireRow(session, id, kNoSuch));
    return std::move(made.dataset);
  });
}

Result<EvaluationDataset> EvaluationDatasets::Get(const std::string& id) {
  return Reading(database_, [&](io::SqlSession& session) -> Result<EvaluationDataset> {
    KEELSON_ASSIGN_OR_RETURN(Row row, RequireRow(session, id, kNoSuch));
    return std::move(row.dataset);
  });
}

Status EvaluationDatasets::Delete(const std::string& id) {
  return database_.Write([&](io::SqlSession& session) -> Status {
    KEELSON_RETURN_IF_ERROR(session.Execute("DELETE FROM evaluation_dataset WHERE id = ?", {id}));
    return {};
  });
}

Result<Page<EvaluationDataset>> EvaluationDatasets::Find(const std::vector<std::string>& experiments,
                                                         const Search& search) {
  SqlText from;
  from.Add("FROM evaluation_dataset d WHERE 1 = 1");
  if (!experiments.empty()) {
    from.Add(
        " AND EXISTS (SELECT 1 FROM evaluation_dataset_experiment e WHERE e.dataset = d.number AND e.experiment_id "
        "IN ");
    AddList(from, experiments);
    from.Add(")");
  }
  for (const Condition& condition : search.conditions) {
    from.Add(" AND ");
    from.Add(ConditionSql(condition));
  }
  std::vector<SortColumn> columns;
  for (const Order& order : search.order) {
    columns.push_back({{std::string(ColumnOf(order.key)), {}}, order.ascending});
  }
  if (columns.empty()) columns.push_back({{"d.created_ms", {}}, false});
  columns.push_back({{"d.id", {}}, false});
  KEELSON_ASSIGN_OR_RETURN(const SqlText sql, PagedSql("d.id", from, columns, search));
  return Reading(database_, [&](io::SqlSession& session) {
    return ReadPage<EvaluationDataset>(
        session, sql, columns, search, [&](const io::SqlRow& row) -> Result<EvaluationDataset> {
          KEELSON_ASSIGN_OR_RETURN(Row read, RequireRow(session, io::AsText(row[0]), kNoSuch));
          return std::move(read.dataset);
        });
  });
}

Status EvaluationDatasets::SetTags(const std::string& id, const OrderedJson& tags) {
  return database_.Write([&](io::SqlSession& session) -> Status {
    KEELSON_ASSIGN_OR_RETURN(const Row row, RequireRow(session, id, kNoSuchToTag));
    for (const auto& [key, value] : tags.items()) {
      if (!value.is_null()) KEELSON_RETURN_IF_ERROR(PutTag(session, row.number, key, PythonStr(value)));
    }
    return {};
  });
}

Status EvaluationDatasets::DeleteTag(const std::string& id, const std::string& key) {
  return database_.Write([&](io::SqlSession& session) -> Status {
    KEELSON_RETURN_IF_ERROR(
        session.Execute("DELETE FROM evaluation_dataset_tag WHERE key = ? AND dataset IN (SELECT number FROM "
                        "evaluation_dataset WHERE id = ?)",
                        {key, id}));
    return {};
  });
}

Result<std::vector<std::string>> EvaluationDatasets::ExperimentsOf(const std::string& id) {
  return Reading(database_, [&](io::SqlSession& session) -> Result<std::vector<std::string>> {
    KEELSON_ASSIGN_OR_RETURN(const auto rows,
                             session.Query("SELECT e.experiment_id FROM evaluation_dataset_experiment e JOIN "
                                           "evaluation_dataset d ON d.number = e.dataset WHERE d.id = ? ORDER BY "
                                           "e.added_ms, e.experiment_id",
                                           {id}));
    std::vector<std::string> experiments;
    for (const auto& row : rows) experiments.push_back(io::AsText(row[0]));
    return experiments;
  });
}

Result<EvaluationDataset> EvaluationDatasets::AddTo(const std::string& id,
                                                    const std::vector<std::string>& experiments) {
  const std::int64_t now_ms = NowMillis();
  return Writing(database_, [&](io::SqlSession& session) -> Result<EvaluationDataset> {
    KEELSON_ASSIGN_OR_RETURN(const Row row, RequireRow(session, id, kNoSuchToMove));
    for (const auto& experiment : experiments) {
      const auto number = ParseInt(experiment);
      KEELSON_ASSIGN_OR_RETURN(const auto found, session.Query("SELECT 1 FROM experiment WHERE id = ?",
                                                               {number ? io::SqlValue(*number) : io::SqlValue()}));
      if (found.empty()) return Fail(ErrorCode::kNotFound, fmt::format("No Experiment with id={}", experiment));
      KEELSON_RETURN_IF_ERROR(PutExperiment(session, row.number, experiment, now_ms));
    }
    KEELSON_RETURN_IF_ERROR(
        session.Execute("UPDATE evaluation_dataset SET updated_ms = ? WHERE number = ?", {now_ms, row.number}));
    KEELSON_ASSIGN_OR_RETURN(Row changed, RequireRow(session, id, kNoSuchToMove));
    return std::move(changed.dataset);
  });
}

Result<EvaluationDataset> EvaluationDatasets::RemoveFrom(const std::string& id,
                                                         const std::vector<std::string>& experiments) {
  const std::int64_t now_ms = NowMillis();
  return Writing(database_, [&](io::SqlSession& session) -> Result<EvaluationDataset> {
    KEELSON_ASSIGN_OR_RETURN(const Row row, RequireRow(session, id, kNoSuchToMove));
    std::int64_t gone = 0;
    for (const auto& experiment : experiments) {
      KEELSON_ASSIGN_OR_RETURN(
          const std::int64_t one,
          session.Execute("DELETE FROM evaluation_dataset_experiment WHERE dataset = ? AND experiment_id = ?",
                          {row.number, experiment}));
      gone += one;
    }
    if (gone > 0) {
      KEELSON_RETURN_IF_ERROR(
          session.Execute("UPDATE evaluation_dataset SET updated_ms = ? WHERE number = ?", {now_ms, row.number}));
    }
    KEELSON_ASSIGN_OR_RETURN(Row changed, RequireRow(session, id, kNoSuchToMove));
    return std::move(changed.dataset);
  });
}

// ---- records ----

namespace {

constexpr std::string_view kRecordColumns =
    "SELECT r.id, r.inputs, r.outputs, r.expectations, r.tags, r.source, r.source_id, r.source_type, r.created_ms, "
    "r.updated_ms, r.created_by, r.updated_by FROM evaluation_record r";

EvaluationRecord RecordOf(const io::SqlRow& row, const std::string& dataset_id) {
  return {.id = io::AsText(row[0]),
          .dataset_id = dataset_id,
          .inputs = io::AsText(row[1]),
          .outputs = OptionalOf(row[2]),
          .expectations = OptionalOf(row[3]),
          .tags = OptionalOf(row[4]),
          .source = OptionalOf(row[5]),
          .source_id = OptionalOf(row[6]),
          .source_type = OptionalOf(row[7]),
          .created_ms = io::AsInt(row[8]),
          .updated_ms = io::AsInt(row[9]),
          .created_by = OptionalOf(row[10]),
          .updated_by = OptionalOf(row[11])};
}

Status PutRecord(io::SqlSession& session, std::int64_t dataset, const std::string& hash,
                 const EvaluationRecord& record) {
  KEELSON_RETURN_IF_ERROR(session.Execute(
      "INSERT INTO evaluation_record (id, dataset, input_hash, inputs, outputs, expectations, tags, source, source_id, "
      "source_type, created_ms, updated_ms, created_by, updated_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
      "ON "
      "CONFLICT (id) DO UPDATE SET outputs = excluded.outputs, expectations = excluded.expectations, tags = "
      "excluded.tags, updated_ms = excluded.updated_ms, updated_by = excluded.updated_by",
      {record.id, dataset, hash, record.inputs, OrNull(record.outputs), OrNull(record.expectations),
       OrNull(record.tags), OrNull(record.source), OrNull(record.source_id), OrNull(record.source_type),
       record.created_ms, record.updated_ms, OrNull(record.created_by), OrNull(record.updated_by)}));
  return {};
}

Result<std::int64_t> CountRecords(io::SqlSession& session, std::int64_t dataset) {
  KEELSON_ASSIGN_OR_RETURN(const auto rows,
                           session.Query("SELECT count(*) FROM evaluation_record WHERE dataset = ?", {dataset}));
  return io::AsInt(rows.at(0)[0]);
}

// A token names the record that a page ended with: base64 of "created_ms:id".
struct Behind {
  std::int64_t created_ms = 0;
  std::string id;
};

Result<Behind> ReadToken(const std::string& token) {
  const auto text = Base64Decode(token);
  const std::size_t colon = text ? text->find(':') : std::string::npos;
  if (colon != std::string::npos) {
    if (const auto created = ParseInt(text->substr(0, colon))) return Behind{*created, text->substr(colon + 1)};
  }
  return Fail(ErrorCode::kInvalidArgument, fmt::format("Invalid page token: {}", token));
}

}  // namespace

Result<EvaluationDatasets::Upserted> EvaluationDatasets::Upsert(const std::string& id,
                                                                const std::vector<EvaluationInput>& records) {
  const std::int64_t now_ms = NowMillis();
  return Writing(database_, [&](io::SqlSession& session) -> Result<Upserted> {
    KEELSON_ASSIGN_OR_RETURN(const Row row, RequireRow(session, id, kNoSuch));
    Upserted done;
    std::optional<std::string> by;  // whom the last of the records names
    for (const EvaluationInput& given : records) {
      const std::string hash = InputHash(given.inputs);
      KEELSON_ASSIGN_OR_RETURN(const auto found,
                               session.Query(fmt::format("{} WHERE r.dataset = ? AND r.input_hash = ?", kRecordColumns),
                                             {row.number, hash}));
      EvaluationRecord record = found.empty() ? NewRecord(given, now_ms) : RecordOf(found[0], id);
      if (found.empty()) {
        record.id = "dr-" + RandomId();
        ++done.inserted;
      } else {
        Merge(given, now_ms, record);
        ++done.updated;
      }
      if (given.user) by = given.user;
      KEELSON_RETURN_IF_ERROR(PutRecord(session, row.number, hash, record));
    }
    KEELSON_ASSIGN_OR_RETURN(const std::int64_t count, CountRecords(session, row.number));
    const auto& known = row.dataset;
    const bool has_schema = !records.empty() || known.schema;
    KEELSON_RETURN_IF_ERROR(session.Execute(
        "UPDATE evaluation_dataset SET updated_ms = ?, updated_by = ?, digest = ?, schema = ?, profile = ? WHERE "
        "number = ?",
        {now_ms, OrNull(by), DigestOf(known.name, now_ms),
         has_schema ? io::SqlValue(MergeSchema(known.schema, records)) : io::SqlValue(),
         count > 0 ? io::SqlValue(ProfileOf(count)) : OrNull(known.profile), row.number}));
    return done;
  });
}

Result<Page<EvaluationRecord>> EvaluationDatasets::Records(const std::string& id, std::int64_t at_most,
                                                           const std::string& page) {
  SqlText sql;
  sql.Add(fmt::format("{} JOIN evaluation_dataset d ON d.number = r.dataset WHERE d.id = ?", kRecordColumns), id);
  if (!page.empty()) {
    KEELSON_ASSIGN_OR_RETURN(const Behind behind, ReadToken(page));
    sql.Add(" AND (r.created_ms > ?", behind.created_ms);
    sql.Add(" OR (r.created_ms = ?", behind.created_ms);
    sql.Add(" AND r.id > ?))", behind.id);
  }
  sql.Add(" ORDER BY r.created_ms, r.id LIMIT ?", at_most + 1);
  return Reading(database_, [&](io::SqlSession& session) -> Result<Page<EvaluationRecord>> {
    KEELSON_ASSIGN_OR_RETURN(const auto rows, session.Query(sql.text, sql.values));
    Page<EvaluationRecord> found;
    for (const auto& row : rows) {
      if (found.records.size() == static_cast<std::size_t>(at_most)) {
        const EvaluationRecord& last = found.records.back();
        found.next = Base64Encode(fmt::format("{}:{}", last.created_ms, last.id));
        break;
      }
      found.records.push_back(RecordOf(row, id));
    }
    return found;
  });
}

Result<std::int64_t> EvaluationDatasets::DeleteRecords(const std::string& id, const std::vector<std::string>& records) {
  return Writing(database_, [&](io::SqlSession& session) -> Result<std::int64_t> {
    KEELSON_ASSIGN_OR_RETURN(const auto row, ReadRow(session, id));
    if (!row || records.empty()) return 0;
    std::int64_t gone = 0;
    for (const auto& record : records) {
      KEELSON_ASSIGN_OR_RETURN(
          const std::int64_t one,
          session.Execute("DELETE FROM evaluation_record WHERE dataset = ? AND id = ?", {row->number, record}));
      gone += one;
    }
    if (gone == 0) return 0;
    KEELSON_ASSIGN_OR_RETURN(const std::int64_t count, CountRecords(session, row->number));
    // MLflow writes of an empty set that it is "null".
    KEELSON_RETURN_IF_ERROR(session.Execute("UPDATE evaluation_dataset SET profile = ? WHERE number = ?",
                                            {count > 0 ? ProfileOf(count) : "null", row->number}));
    return gone;
  });
}

}  // namespace keelson::tracking
