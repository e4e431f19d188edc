// backup, restore and doctor: what is done with a whole data folder.
#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <ostream>

#include "app/client/client.h"
#include "app/commands.h"
#include "app/roles/doctor.h"
#include "io/backup.h"

namespace keelson::app {
namespace {

struct Options {
  ServerOptions server;
  std::string folder;
  std::string data = "keelson-data";
};

std::string Absolute(const std::string& path) {
  return std::filesystem::absolute(path).lexically_normal().string();
}

}  // namespace

Command BackupCommand() {
  return {"backup", "Copy a running server's data folder into a new folder", "keelson backup /backups/keelson-monday",
          [](CLI::App& app) -> RunCommand {
            auto options = std::make_shared<Options>();
            options->server.AddTo(app);
            app.add_option("folder", options->folder, "New folder, on the server's machine")->required();
            return [options](Terminal& terminal) -> Result<int> {
              KEELSON_ASSIGN_OR_RETURN(Client client, Client::Connect(options->server));
              KEELSON_ASSIGN_OR_RETURN(const Json answer,
                                       client.Post(kApi + "/backup", {{"folder", Absolute(options->folder)}}));
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
            app.add_option("--data", options->data, "Data folder to make; must not exist")->default_val("keelson-data");
            return [options](Terminal& terminal) -> Result<int> {
              KEELSON_RETURN_IF_ERROR(io::RestoreData(Absolute(options->folder), Absolute(options->data)));
              terminal.out << "restored " << options->data << "\n";
              return kExitOk;
            };
          }};
}

Command DoctorCommand() {
  return {"doctor", "Look for damage in a data folder that no server has open", "keelson doctor --data keelson-data",
          [](CLI::App& app) -> RunCommand {
            auto options = std::make_shared<Options>();
            app.add_option("--data", options->data, "Data folder")->default_val("keelson-data");
            return [options](Terminal& terminal) -> Result<int> {
              KEELSON_ASSIGN_OR_RETURN(const auto problems, Diagnose(Absolute(options->data)));
              for (const auto& problem : problems) terminal.out << problem << "\n";
              terminal.out << (problems.empty() ? "sound\n"
                                                : "damaged; `keelson restore` makes a data folder from a backup\n");
              return problems.empty() ? kExitOk : kExitRefused;
            };
          }};
}

}  // namespace keelson::app
