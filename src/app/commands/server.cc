#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "app/commands.h"
#include "app/roles/server_role.h"

namespace keelson::app {

Command ServerCommand() {
  return {"server", "Run the server: one address, one data folder",
          "keelson server --data keelson-data --port 7070\n"
          "keelson server --host 0.0.0.0 --tls-cert box.pem --tls-key box.key\n"
          "keelson server --artifacts s3://bucket/keelson\n"
          "keelson server --database postgresql://keelson@db.example/keelson\n"
          "keelson server --kubernetes --kubernetes-image registry.example/keelson:1.0",
          [](CLI::App& app) -> RunCommand {
            auto options = std::make_shared<ServerRoleOptions>();
            app.add_option("--data", options->data_folder, "Folder that keeps everything")->default_val("keelson-data");
            app.add_option("--database", options->database,
                           "postgresql://... that has the metadata instead of the data folder; with a password better "
                           "from the environment (KEELSON_DATABASE), where nobody else sees it")
                ->envname("KEELSON_DATABASE");
            options->listen.AddTo(app);
            app.add_option("--port", options->port, "Port to listen on; 0 takes any free one")
                ->default_val(7070)
                ->check(CLI::Range(0, 65'535));
            app.add_option("--grpc-port", options->grpc_port,
                           "Port to answer predictions by gRPC on, beside the one for REST; 0 is any free one, without "
                           "the option there is none")
                ->check(CLI::Range(0, 65'535));
            app.add_option("--payload-parquet-every", options->payload_seconds,
                           "Seconds between two jobs that turn a project's payload log into Parquet, in "
                           "DATA/projects/NAME/payload-parquet; 0: none")
                ->default_val(3'600)
                ->check(CLI::NonNegativeNumber);
            app.add_option(
                "--artifacts", options->artifacts,
                "s3://bucket/prefix: keep artifacts in this object store; address and keys by AWS_ENDPOINT_URL, "
                "AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY or ~/.aws");
            app.add_option("--mlflow-ui", options->mlflow_ui,
                           "Folder mlflow/server/js/build of an installed mlflow package: show MLflow's own page at "
                           "/mlflow/");
            app.add_option("--gc-rules", options->garbage.rules,
                           "Remove garbage by itself: a JSON file of the form of the body of POST "
                           "/api/keelson/v1/gc (docs/api.md)");
            app.add_option("--gc-every", options->garbage.every, "How long after one look for garbage comes the next")
                ->default_val("1d");
            app.add_option("--queues", options->queues,
                           "YAML file with the queues that jobs stand in: ClusterQueue, Cohort, LocalQueue and "
                           "ResourceFlavor of Kueue; without it there is one, which has the whole machine");
            app.add_option("--prices", options->prices,
                           "YAML file of kind Prices with what this machine and others cost and the budgets of "
                           "projects, over the built-in prices (docs/cost.md)");
            auto duty = std::make_shared<ClusterDuty>();
            duty->AddTo(app);
            app.add_option("--address-file", options->address_file, "Write the address into this file once ready");
            return [options, duty](Terminal&) -> Result<int> {
              if (duty->wanted) options->cluster = *duty;
              options->data_folder = std::filesystem::absolute(options->data_folder).lexically_normal().string();
              if (options->data_folder.ends_with('/')) options->data_folder.pop_back();
              return RunServer(*options);
            };
          }};
}

}  // namespace keelson::app
