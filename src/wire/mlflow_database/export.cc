#include "wire/mlflow_database/export.h"

#include <fmt/format.h>

#include <utility>

#include "io/files.h"
#include "io/foreign_database.h"
#include "tracking/transaction.h"
#include "wire/mlflow_database/metric_histories.h"
#include "wire/mlflow_database/tables.h"

namespace keelson::wire::mlflow_database {
namespace {

class Exporter {
 public:
  Exporter(io::Database& database, const Clock& clock, const ExportOptions& options)
      : database_(database), clock_(clock), options_(options) {}

  Result<ExportReport> Run() {
    if (io::Exists(options_.file)) {
      return Fail(ErrorCode::kAlreadyExists, "there is such a file already; name a new one", options_.file);
    }
    if (options_.copies != nullptr) {
      options_.tell(fmt::format("artifacts of {}", options_.artifact_root));
      KEELSON_RETURN_IF_ERROR(CopyArtifacts(options_.artifact_root, "", *options_.copies, report_.artifacts));
    }
    KEELSON_RETURN_IF_ERROR(
        io::WriteForeignDatabase(options_.file, MlflowSchema(), [&](io::SqlSession& theirs) { return Fill(theirs); }));
    KEELSON_RETURN_IF_ERROR(TellWhatIsLeft());
    return std::move(report_);
  }

 private:
  Status Fill(io::SqlSession& theirs) {
    for (const Table& table : Tables()) {
      options_.tell(std::string(table.name));
      KEELSON_RETURN_IF_ERROR(EachOfOurs(table, [&](io::SqlRow& row) -> Status {
        KEELSON_RETURN_IF_ERROR(theirs.Execute(table.take, row));
        return {};
      }));
    }
    options_.tell("metrics");
    KEELSON_RETURN_IF_ERROR(TakeHistories(database_, clock_, theirs));
    for (const Table& table : Tables()) {
      options_.tell(fmt::format("compares {}", table.name));
      RowSum ours;
      RowSum written;
      KEELSON_RETURN_IF_ERROR(EachOfOurs(table, [&](io::SqlRow& row) -> Status {
        ours.Add(row);
        return {};
      }));
      KEELSON_RETURN_IF_ERROR(theirs.ForEach(table.theirs, {}, [&](io::SqlRow& row) -> Status {
        written.Add(row);
        return {};
      }));
      KEELSON_RETURN_IF_ERROR(Compare(table.name, written, ours, report_.kinds));
    }
    options_.tell("compares metrics");
    KEELSON_ASSIGN_OR_RETURN(const RowSum written, SumOfTheirs(theirs));
    KEELSON_ASSIGN_OR_RETURN(const RowSum ours, SumOfOurs(database_, clock_));
    return Compare("metrics", written, ours, report_.kinds);
  }

  // Our rows, places of artifacts as MLflow's server has them.
  Status EachOfOurs(const Table& table, const std::function<Status(io::SqlRow&)>& each) {
    return database_.Read([&](io::SqlSession& session) {
      return session.ForEach(table.ours, {}, [&](io::SqlRow& row) {
        for (const int column : table.uris) {
          if (column == 0) continue;
          auto& value = row.at(static_cast<std::size_t>(column));
          value = Moved(io::AsText(value), table.relative);
        }
        return each(row);
      });
    });
  }

  std::string Moved(const std::string& uri, bool relative) const {
    const std::string below = options_.artifact_root + "/";
    if (uri.starts_with(below)) return "mlflow-artifacts:/" + uri.substr(below.size());
    const bool bare = !uri.empty() && !uri.starts_with('/') && uri.find(':') == std::string::npos;
    return relative && bare ? "mlflow-artifacts:/" + uri : uri;
  }

  Status TellWhatIsLeft() {
    for (const Unwritten& unwritten : OursWithoutPlace()) {
      KEELSON_ASSIGN_OR_RETURN(const auto rows, tracking::Reading(database_, [&](io::SqlSession& session) {
                                 return session.Query(fmt::format("SELECT count(*) FROM {}", unwritten.table));
                               }));
      const std::int64_t count = io::AsInt(rows.at(0)[0]);
      if (count > 0) report_.left.push_back(fmt::format("{} {}: MLflow has no place for them", count, unwritten.what));
    }
    if (report_.artifacts.links > 0) {
      report_.left.push_back(fmt::format("{} symbolic links among the artifacts", report_.artifacts.links));
    }
    return {};
  }

  io::Database& database_;
  const Clock& clock_;
  const ExportOptions& options_;
  ExportReport report_;
};

}  // namespace

Result<ExportReport> Export(io::Database& database, const Clock& clock, const ExportOptions& options) {
  return Exporter(database, clock, options).Run();
}

}  // namespace keelson::wire::mlflow_database
