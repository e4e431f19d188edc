// import: what another server knows, into a data folder.
#include "wire/mlflow_database/import.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <ostream>

#include "app/commands.h"
#include "app/roles/artifact_place.h"
#include "app/roles/metadata.h"
#include "base/clock.h"
#include "io/files.h"
#include "io/foreign_database.h"
#include "tracking/store.h"

namespace keelson::app {
namespace {

namespace mlflow = wire::mlflow_database;

struct Options {
  std::string what;
  std::string from;
  std::string data = "keelson-data";
  std::string database;
  std::string artifacts;
  mlflow::ImportOptions import;
};

Result<mlflow::ImportReport> Import(const Options& options) {
  const SystemClock clock;
  const std::string data = std::filesystem::absolute(options.data).lexically_normal().string();
  KEELSON_ASSIGN_OR_RETURN(const auto theirs, io::OpenForeignDatabase(options.from));
  KEELSON_RETURN_IF_ERROR(io::MakeFolders(data));
  const auto lock = io::FileLock::Acquire(data + "/lock");
  if (!lock && lock.error().code == ErrorCode::kFailedPrecondition) {
    return Fail(ErrorCode::kFailedPrecondition, "a server has this data folder open: stop it first", data);
  }
  if (!lock) return std::unexpected(lock.error());
  KEELSON_ASSIGN_OR_RETURN(auto database, OpenMetadata(data, options.database));
  KEELSON_ASSIGN_OR_RETURN(const auto artifacts,
                           OpenArtifacts(options.artifacts, data, clock, io::ProcessEnvironment()));
  KEELSON_ASSIGN_OR_RETURN(const auto store, tracking::Store::Open(*database, clock, data + "/artifacts"));
  return mlflow::Import(*theirs, *database, clock, *artifacts, options.import);
}

void Tell(const mlflow::ImportReport& report, std::ostream& out) {
  for (const auto& kind : report.kinds) {
    if (kind.rows > 0) out << fmt::format("{:>10}  {:<34}  {}\n", kind.rows, kind.name, kind.hash);
  }
  out << fmt::format("{:>10}  files of artifacts, {} bytes; {} of them were there\n", report.artifacts.files,
                     report.artifacts.bytes, report.artifacts.were_there);
  for (const auto& left : report.left) out << "not taken over: " << left << "\n";
  out << "imported, and the same on both sides\n";
}

}  // namespace

Command ImportCommand() {
  return {
      "import", "Take over all that a server of MLflow knows, artifacts included",
      "keelson import mlflow --from sqlite:///mlflow.db --artifacts-from mlartifacts --data keelson-data\n"
      "keelson import mlflow --from postgresql://mlflow@db.example/mlflow --without-artifacts",
      [](CLI::App& app) -> RunCommand {
        auto options = std::make_shared<Options>();
        app.add_option("what", options->what, "Whose it is: mlflow")->required()->check(CLI::IsMember({"mlflow"}));
        app.add_option("--from", options->from,
                       "Its database, which is only read: sqlite:///FILE or postgresql://..., of MLflow 3.17; a "
                       "running server may go on")
            ->required();
        app.add_option("--artifacts-from", options->import.artifacts,
                       "Folder of its --artifacts-destination, where it keeps artifacts itself; those at paths of "
                       "this machine are found without")
            ->check(CLI::ExistingDirectory);
        app.add_flag("--without-artifacts", options->import.without_artifacts, "Leave the artifacts where they are");
        app.add_option("--data", options->data, "Data folder to import into; no server may have it open")
            ->default_val("keelson-data");
        app.add_option("--database", options->database, "As the server's: postgresql://... in place of the data folder")
            ->envname("KEELSON_DATABASE");
        app.add_option("--artifacts", options->artifacts, "As the server's: s3://bucket/prefix for the artifacts");
        return [options](Terminal& terminal) -> Result<int> {
          options->import.on_postgres = !options->database.empty();
          options->import.tell = [&](const std::string& what) { terminal.err << what << "\n"; };
          KEELSON_ASSIGN_OR_RETURN(const auto report, Import(*options));
          Tell(report, terminal.out);
          return kExitOk;
        };
      }};
}

}  // namespace keelson::app
