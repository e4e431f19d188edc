#include "wire/mlflow_database/import.h"

#include <fmt/format.h>

#include <set>
#include <utility>

#include "io/files.h"
#include "tracking/transaction.h"
#include "wire/mlflow_database/locations.h"
#include "wire/mlflow_database/metric_histories.h"
#include "wire/mlflow_database/row_sum.h"
#include "wire/mlflow_database/tables.h"
#include "wire/mlflow_database/version_hashes.h"

namespace keelson::wire::mlflow_database {
namespace {

constexpr std::size_t kAtOnce = 1000;  // rows in a transaction

class Importer {
 public:
  Importer(io::SqlSession& theirs, io::Database& database, const Clock& clock, tracking::ArtifactStore& artifacts,
           const ImportOptions& options)
      : theirs_(theirs), database_(database), clock_(clock), artifacts_(artifacts), options_(options) {}

  Result<ImportReport> Run() {
    KEELSON_RETURN_IF_ERROR(CheckSchema());
    KEELSON_RETURN_IF_ERROR(CheckRoom("runs", "SELECT run_uuid FROM runs", "SELECT id FROM run"));
    KEELSON_RETURN_IF_ERROR(
        CheckRoom("registered models", "SELECT name FROM registered_models", "SELECT name FROM model"));
    KEELSON_ASSIGN_OR_RETURN(locations_, Locations::Read(theirs_));
    if (!options_.without_artifacts) KEELSON_RETURN_IF_ERROR(CopyFiles());
    for (const Table& table : Tables()) {
      options_.tell(fmt::format("{}", table.name));
      KEELSON_RETURN_IF_ERROR(Put(table));
    }
    options_.tell("metrics");
    KEELSON_RETURN_IF_ERROR(PutHistories(theirs_, database_));
    KEELSON_RETURN_IF_ERROR(GoOnCounting());
    options_.tell("hashes model versions");
    KEELSON_RETURN_IF_ERROR(HashVersions(database_, artifacts_));
    for (const Table& table : Tables()) {
      options_.tell(fmt::format("compares {}", table.name));
      KEELSON_RETURN_IF_ERROR(Compare(table));
    }
    options_.tell("compares metrics");
    KEELSON_ASSIGN_OR_RETURN(const RowSum theirs, SumOfTheirs(theirs_));
    KEELSON_ASSIGN_OR_RETURN(const RowSum ours, SumOfOurs(database_, clock_));
    KEELSON_RETURN_IF_ERROR(mlflow_database::Compare("metrics", theirs, ours, report_.kinds));
    KEELSON_RETURN_IF_ERROR(TellWhatIsLeft());
    return std::move(report_);
  }

 private:
  Status CheckSchema() {
    const auto revisions = theirs_.Query("SELECT version_num FROM alembic_version");
    if (!revisions) {
      return Fail(ErrorCode::kFailedPrecondition,
                  fmt::format("this is no database of MLflow's, or it cannot be read: alembic_version: {}",
                              revisions.error().message));
    }
    if (revisions->size() != 1) {
      return Fail(ErrorCode::kFailedPrecondition, "this is no database of MLflow's: alembic_version has not one row");
    }
    const std::string& revision = io::AsText((*revisions)[0][0]);
    if (revision == kRevision) return CheckWorkspaces();
    return Fail(
        ErrorCode::kFailedPrecondition,
        fmt::format("the database is of MLflow's schema {}, and this reads {}, that of MLflow 3.17: bring a copy "
                    "of it there with `mlflow db upgrade` of that version",
                    revision, kRevision));
  }

  Status CheckWorkspaces() {
    KEELSON_ASSIGN_OR_RETURN(
        const auto others, theirs_.Query("SELECT workspace FROM experiments WHERE workspace <> 'default' UNION SELECT "
                                         "workspace FROM registered_models WHERE workspace <> 'default' UNION SELECT "
                                         "workspace FROM evaluation_datasets WHERE workspace <> 'default'"));
    if (others.empty()) return {};
    return Fail(ErrorCode::kUnsupported, fmt::format("there are workspaces ({}): only the default one can be imported",
                                                     io::AsText(others[0][0])));
  }

  // An import goes on where an earlier one ended, and nowhere else: what is of another origin might have the same ids.
  Status CheckRoom(std::string_view kind, std::string_view of_theirs, std::string_view of_ours) {
    std::set<std::string> known;
    KEELSON_RETURN_IF_ERROR(theirs_.ForEach(of_theirs, {}, [&](io::SqlRow& row) -> Status {
      known.insert(io::AsText(row[0]));
      return {};
    }));
    return database_.Read([&](io::SqlSession& session) {
      return session.ForEach(of_ours, {}, [&](io::SqlRow& row) -> Status {
        if (known.contains(io::AsText(row[0]))) return {};
        return Fail(ErrorCode::kFailedPrecondition,
                    fmt::format("there are {} already that are not of this MLflow ({}): import into a new data folder",
                                kind, io::AsText(row[0])));
      });
    });
  }

  Status CopyFiles() {
    if (locations_.behind_server() && options_.artifacts.empty()) {
      return Fail(ErrorCode::kFailedPrecondition,
                  "MLflow's server kept artifacts itself: give the folder of its --artifacts-destination with "
                  "--artifacts-from, or leave them with --without-artifacts");
    }
    std::vector<std::string> missing;
    for (const auto& folder : locations_.folders()) {
      if (!io::Exists(folder.path)) {
        missing.push_back(folder.path);
        continue;
      }
      options_.tell(fmt::format("artifacts of {}", folder.path));
      KEELSON_RETURN_IF_ERROR(CopyArtifacts(folder.path, folder.below, artifacts_, report_.artifacts));
    }
    if (!missing.empty()) {
      report_.left.push_back(
          fmt::format("what may be in {} folders of artifacts that are not on this machine, {} among them",
                      missing.size(), missing.front()));
    }
    if (options_.artifacts.empty()) return {};
    options_.tell(fmt::format("artifacts of {}", options_.artifacts));
    return CopyArtifacts(options_.artifacts, "", artifacts_, report_.artifacts);
  }

  // Their rows, places of artifacts as we have them.
  Status EachOfTheirs(const Table& table, const std::function<Status(io::SqlRow&)>& each) {
    return theirs_.ForEach(table.theirs, {}, [&](io::SqlRow& row) {
      for (const int column : table.uris) {
        if (column == 0) continue;
        auto& value = row.at(static_cast<std::size_t>(column));
        value = locations_.Moved(io::AsText(value));
      }
      return each(row);
    });
  }

  Status Put(const Table& table) {
    std::vector<io::SqlRow> rows;
    const auto flush = [&]() -> Status {
      KEELSON_RETURN_IF_ERROR(database_.Write([&](io::SqlSession& session) -> Status {
        for (const auto& row : rows) KEELSON_RETURN_IF_ERROR(session.Execute(table.put, row));
        return {};
      }));
      rows.clear();
      return {};
    };
    KEELSON_RETURN_IF_ERROR(EachOfTheirs(table, [&](io::SqlRow& row) -> Status {
      rows.push_back(std::move(row));
      return rows.size() < kAtOnce ? Status() : flush();
    }));
    return flush();
  }

  // PostgreSQL's counters do not see the ids that rows came with.
  Status GoOnCounting() {
    if (!options_.on_postgres) return {};
    return database_.Write([](io::SqlSession& session) -> Status {
      KEELSON_RETURN_IF_ERROR(session.Query(
          "SELECT setval(pg_get_serial_sequence('experiment', 'id'), (SELECT max(id) + 1 FROM experiment), false)"));
      return {};
    });
  }

  Status Compare(const Table& table) {
    RowSum theirs;
    RowSum ours;
    KEELSON_RETURN_IF_ERROR(EachOfTheirs(table, [&](io::SqlRow& row) -> Status {
      theirs.Add(row);
      return {};
    }));
    KEELSON_RETURN_IF_ERROR(database_.Read([&](io::SqlSession& session) {
      return session.ForEach(table.ours, {}, [&](io::SqlRow& row) -> Status {
        ours.Add(row);
        return {};
      });
    }));
    return mlflow_database::Compare(table.name, theirs, ours, report_.kinds);
  }

  Status TellWhatIsLeft() {
    for (const std::string_view table : TablesWithoutPlace()) {
      KEELSON_ASSIGN_OR_RETURN(const auto rows, theirs_.Query(fmt::format("SELECT count(*) FROM {}", table)));
      const std::int64_t count = io::AsInt(rows.at(0)[0]);
      if (count > 0) report_.left.push_back(fmt::format("{} rows of {}: there is no such thing here", count, table));
    }
    for (const auto& uri : locations_.elsewhere()) {
      report_.left.push_back(fmt::format("the artifacts at {}: they stay there, and clients go there", uri));
    }
    if (options_.without_artifacts) report_.left.emplace_back("the artifacts: --without-artifacts");
    if (report_.artifacts.links > 0) {
      report_.left.push_back(fmt::format("{} symbolic links among the artifacts", report_.artifacts.links));
    }
    return {};
  }

  io::SqlSession& theirs_;
  io::Database& database_;
  const Clock& clock_;
  tracking::ArtifactStore& artifacts_;
  const ImportOptions& options_;
  Locations locations_;
  ImportReport report_;
};

}  // namespace

Result<ImportReport> Import(io::SqlSession& theirs, io::Database& database, const Clock& clock,
                            tracking::ArtifactStore& artifacts, const ImportOptions& options) {
  return Importer(theirs, database, clock, artifacts, options).Run();
}

}  // namespace keelson::wire::mlflow_database
