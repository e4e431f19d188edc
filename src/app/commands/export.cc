// export: what a data folder knows, for another server.
#include "wire/mlflow_database/export.h"

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
#include "tracking/store.h"

namespace keelson::app {
namespace {

namespace mlflow = wire::mlflow_database;

struct Options {
  std::string what;
  std::string to;
  std::string data = "keelson-data";
  std::string database;
  std::string artifacts_to;
};

struct Exported {
  mlflow::ExportReport report;
  std::string artifacts;  // where MLflow's server finds them
};

std::string Absolute(const std::string& path) {
  return std::filesystem::absolute(path).lexically_normal().string();
}

// A data folder, that no server has open, is looked at; none is made.
Status CheckFolder(const Options& options, const std::string& data) {
  if (io::Exists(data + "/keelson.db") || !options.database.empty()) return {};
  KEELSON_ASSIGN_OR_RETURN(const std::string foreign, ForeignMetadata(data));
  if (!foreign.empty()) return {};
  return Fail(ErrorCode::kNotFound, "this is no data folder: it has no keelson.db", data);
}

Result<Exported> Export(const Options& options, const std::function<void(const std::string&)>& tell) {
  const SystemClock clock;
  const std::string data = Absolute(options.data);
  KEELSON_RETURN_IF_ERROR(CheckFolder(options, data));
  const auto lock = io::FileLock::Acquire(data + "/lock");
  if (!lock && lock.error().code == ErrorCode::kFailedPrecondition) {
    return Fail(ErrorCode::kFailedPrecondition, "a server has this data folder open: stop it first", data);
  }
  if (!lock) return std::unexpected(lock.error());
  KEELSON_ASSIGN_OR_RETURN(auto database, OpenMetadata(data, options.database));
  KEELSON_ASSIGN_OR_RETURN(const auto store, tracking::Store::Open(*database, clock, data + "/artifacts"));
  Exported exported;
  mlflow::ExportOptions how;
  how.file = Absolute(options.to);
  how.artifact_root = data + "/artifacts";
  how.tell = tell;
  exported.artifacts = how.artifact_root;
  if (io::Exists(data + "/artifacts.url")) {
    KEELSON_ASSIGN_OR_RETURN(exported.artifacts, io::ReadFile(data + "/artifacts.url"));
    while (exported.artifacts.ends_with('\n')) exported.artifacts.pop_back();
    if (!options.artifacts_to.empty()) {
      return Fail(ErrorCode::kInvalidArgument,
                  "the artifacts are in an object store, where MLflow's server can use them: leave --artifacts-to away",
                  exported.artifacts);
    }
  }
  std::unique_ptr<tracking::ArtifactStore> copies;
  if (!options.artifacts_to.empty()) {
    exported.artifacts = Absolute(options.artifacts_to);
    KEELSON_RETURN_IF_ERROR(io::MakeFolders(exported.artifacts));
    copies = tracking::OpenFolderArtifacts(exported.artifacts);
    how.copies = copies.get();
  }
  KEELSON_ASSIGN_OR_RETURN(exported.report, mlflow::Export(*database, clock, how));
  return exported;
}

void Tell(const Exported& exported, const Options& options, std::ostream& out) {
  for (const auto& kind : exported.report.kinds) {
    if (kind.rows > 0) out << fmt::format("{:>10}  {:<34}  {}\n", kind.rows, kind.name, kind.hash);
  }
  if (!options.artifacts_to.empty()) {
    const auto& copied = exported.report.artifacts;
    out << fmt::format("{:>10}  files of artifacts, {} bytes; {} of them were there\n", copied.files, copied.bytes,
                       copied.were_there);
  }
  for (const auto& left : exported.report.left) out << "not written: " << left << "\n";
  out << "exported, and the same on both sides; MLflow 3.17 serves it with\n"
      << fmt::format("  mlflow server --backend-store-uri sqlite:///{} --artifacts-destination {}\n",
                     Absolute(options.to), exported.artifacts);
}

}  // namespace

Command ExportCommand() {
  return {
      "export", "Write all that a data folder knows as the database of another server",
      "keelson export mlflow --data keelson-data --to mlflow.db\n"
      "keelson export mlflow --data keelson-data --to mlflow.db --artifacts-to mlartifacts",
      [](CLI::App& app) -> RunCommand {
        auto options = std::make_shared<Options>();
        app.add_option("what", options->what, "For which: mlflow, of 3.17")
            ->required()
            ->check(CLI::IsMember({"mlflow"}));
        app.add_option("--to", options->to, "New SQLite file; it is there whole or not at all")->required();
        app.add_option("--data", options->data, "Data folder to export; no server may have it open")
            ->default_val("keelson-data");
        app.add_option("--database", options->database, "As the server's: postgresql://... in place of the data folder")
            ->envname("KEELSON_DATABASE");
        app.add_option("--artifacts-to", options->artifacts_to,
                       "Folder to copy the artifacts into, for its --artifacts-destination; without, they stay "
                       "in the data folder, and MLflow's server reads them there");
        return [options](Terminal& terminal) -> Result<int> {
          KEELSON_ASSIGN_OR_RETURN(const auto exported,
                                   Export(*options, [&](const std::string& what) { terminal.err << what << "\n"; }));
          Tell(exported, *options, terminal.out);
          return kExitOk;
        };
      }};
}

}  // namespace keelson::app
