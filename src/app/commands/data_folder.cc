// backup, restore and doctor: what is done with a whole data folder.
#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <ostream>

#include "app/client/client.h"
#include "app/commands.h"
#include "app/roles/doctor.h"
#include "io/backup.h"
#include "io/files.h"

namespace keelson::app {
namespace {

struct Options {
  ServerOptions server;
  std::string folder;
  std::string data = "keelson-data";
};

std::string Absolute(const std::string& path) {
  std::string absolute = std::filesystem::absolute(path).lexically_normal().string();
  if (absolute.size() > 1 && absolute.ends_with('/')) absolute.pop_back();
  return absolute;
}

// A folder that no server has open, by this process.
Status BackUpAtRest(const std::string& data, const std::string& target) {
  if (!io::Exists(data + "/keelson.db")) {
    return Fail(ErrorCode::kNotFound, "this is no data folder: it has no keelson.db", data);
  }
  const auto lock = io::FileLock::Acquire(data + "/lock");
  if (!lock && lock.error().code == ErrorCode::kFailedPrecondition) {
    return Fail(ErrorCode::kFailedPrecondition,
                "a server has this data folder open: leave --data away, and it makes the backup itself", data);
  }
  if (!lock) return std::unexpected(lock.error());
  KEELSON_ASSIGN_OR_RETURN(const auto database, io::Database::Open(data + "/keelson.db"));
  return io::BackUpData(*database, data, target);
}

}  // namespace

Command BackupCommand() {
  return {"backup", "Copy a data folder into a new folder, beside its running server or, with --data, without one",
          "keelson backup /backups/keelson-monday\n"
          "keelson backup /backups/keelson-monday --data keelson-data",
          [](CLI::App& app) -> RunCommand {
            auto options = std::make_shared<Options>();
            options->data.clear();
            options->server.AddTo(app);
            app.add_option("folder", options->folder, "New folder, on the server's machine")->required();
            app.add_option("--data", options->data, "Data folder that no server has open; asks no server");
            return [options](Terminal& terminal) -> Result<int> {
              const std::string target = Absolute(options->folder);
              if (!options->data.empty()) {
                KEELSON_RETURN_IF_ERROR(BackUpAtRest(Absolute(options->data), target));
                terminal.out << "backed up to " << target << "\n";
                return kExitOk;
              }
              KEELSON_ASSIGN_OR_RETURN(Client client, Client::Connect(options->server));
              KEELSON_ASSIGN_OR_RETURN(const Json answer, client.Post(kApi + "/backup", {{"folder", target}}));
              terminal.out << "backed up to " << answer.at("path").get<std::string>() << "\n";
              return kExitOk;
            };
          }};
}

Command RestoreCommand() {
  return {"restore", "Make a data folder from a backup, after checking every file",
          "keelson restore /backups/keelson-monday --data keelson-data", [](CLI::App& app) -> RunCommand {
            auto options = std::make_shared<Options>();
            app.add_option("backup", options->folder, "Folder of the backup")->required();
            app.add_option("--data", options->data, "Data folder to make; must not exist, or be empty")
                ->default_val("keelson-data");
            return [options](Terminal& terminal) -> Result<int> {
              KEELSON_RETURN_IF_ERROR(io::RestoreData(Absolute(options->folder), Absolute(options->data)));
              terminal.out << "restored " << options->data << "\n";
              return kExitOk;
            };
          }};
}

Command DoctorCommand() {
  return {
      "doctor",
      "Look for damage in a data folder that no server has open: 0 when it is sound, 4 when not, with each finding and "
      "what to do",
      "keelson doctor --data keelson-data", [](CLI::App& app) -> RunCommand {
        auto options = std::make_shared<Options>();
        app.add_option("--data", options->data, "Data folder")->default_val("keelson-data");
        return [options](Terminal& terminal) -> Result<int> {
          KEELSON_ASSIGN_OR_RETURN(const auto damages, Diagnose(Absolute(options->data)));
          for (const auto& damage : damages) terminal.out << damage.what << "\n    " << damage.advice << "\n";
          if (damages.empty()) {
            terminal.out << "sound\n";
            return kExitOk;
          }
          terminal.out << "damaged: " << damages.size() << (damages.size() == 1 ? " finding\n" : " findings\n");
          return kExitRefused;
        };
      }};
}

}  // namespace keelson::app
