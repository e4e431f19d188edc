// Commands that change one thing on the server, or follow it: logs, predict, promote, rollback, delete.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "app/client/client.h"
#include "app/commands.h"
#include "app/commands/kubernetes_apply.h"
#include "io/files.h"

namespace keelson::app {
namespace {

struct Options {
  ServerOptions server;
  std::string name;
  std::string file;
  std::string data;
  int number = 0;
  bool flag = false;
};

std::string Project(const std::string& name) {
  return kApi + "/projects/" + io::PercentEncode(name);
}

}  // namespace

Command LogsCommand() {
  return {"logs", "Print what a job wrote", "keelson logs j000007\nkeelson logs -f j000007",
          [](CLI::App& app) -> RunCommand {
            auto options = std::make_shared<Options>();
            options->server.AddTo(app);
            app.add_option("job", options->name, "Id of the job")->required();
            app.add_flag("-f,--follow", options->flag, "Go on until the job has ended");
            app.add_option("--attempt", options->number, "Which attempt; the last one by default");
            return [options](Terminal& terminal) -> Result<int> {
              KEELSON_ASSIGN_OR_RETURN(Client client, Client::Connect(options->server));
              KEELSON_RETURN_IF_ERROR(client.Get(kApi + "/jobs/" + io::PercentEncode(options->name)));
              std::string path = fmt::format("{}/jobs/{}/log?follow={}", kApi, io::PercentEncode(options->name),
                                             options->flag ? 1 : 0);
              if (options->number > 0) path += fmt::format("&attempt={}", options->number);
              KEELSON_RETURN_IF_ERROR(
                  client.Stream(path, [&](std::string_view piece) { terminal.out << piece << std::flush; }));
              return kExitOk;
            };
          }};
}

Command PredictCommand() {
  return {"predict", "Ask an endpoint for predictions",
          "keelson predict flight-delays --data '{\"carrier\": \"UA\", \"origin\": \"EWR\", \"dest\": \"IAH\"}'\n"
          "keelson predict flight-delays --file request.json",
          [](CLI::App& app) -> RunCommand {
            auto options = std::make_shared<Options>();
            options->server.AddTo(app);
            app.add_option("endpoint", options->name, "Name of the endpoint")->required();
            app.add_option("--data", options->data, "One row as a JSON object by column");
            app.add_option("--file", options->file, "A whole Open Inference Protocol request");
            return [options](Terminal& terminal) -> Result<int> {
              std::string body;
              if (!options->file.empty()) {
                KEELSON_ASSIGN_OR_RETURN(body, io::ReadFile(options->file));
              } else {
                const Json row = Json::parse(options->data.empty() ? "null" : options->data, nullptr, false);
                if (!row.is_object())
                  return Fail(ErrorCode::kInvalidArgument, "give --data as a JSON object by column, or --file");
                Json inputs = Json::array();
                for (const auto& [name, value] : row.items()) {
                  inputs.push_back({{"name", name},
                                    {"shape", {1}},
                                    {"datatype", value.is_string()           ? "BYTES"
                                                 : value.is_boolean()        ? "BOOL"
                                                 : value.is_number_integer() ? "INT64"
                                                                             : "FP64"},
                                    {"data", {value}}});
                }
                body = Json{{"inputs", inputs}}.dump();
              }
              KEELSON_ASSIGN_OR_RETURN(Client client, Client::Connect(options->server));
              KEELSON_ASSIGN_OR_RETURN(
                  const auto answer,
                  client.Send("POST", "/v2/models/" + io::PercentEncode(options->name) + "/infer", body));
              if (answer.status != 200) {
                return Fail(answer.status == 404 ? ErrorCode::kNotFound : ErrorCode::kFailedPrecondition,
                            answer.body.is_object() ? answer.body.value("error", answer.body.dump()) : "no answer",
                            options->name);
              }
              terminal.out << answer.body.dump(1) << "\n";
              return kExitOk;
            };
          }};
}

Command PromoteCommand() {
  return {"promote", "Make a version the champion, at once or step by step",
          "keelson promote flight-delays 4\nkeelson promote flight-delays 5 --canary", [](CLI::App& app) -> RunCommand {
            auto options = std::make_shared<Options>();
            options->server.AddTo(app);
            app.add_option("project", options->name, "Name of the project")->required();
            app.add_option("version", options->number, "Version to promote")->required();
            app.add_flag("--canary", options->flag, "Roll it out by the steps of the project's canary");
            return [options](Terminal& terminal) -> Result<int> {
              KEELSON_ASSIGN_OR_RETURN(Client client, Client::Connect(options->server));
              Json body = {{"version", options->number}};
              if (options->flag) body["canary"] = true;
              KEELSON_ASSIGN_OR_RETURN(const Json answer, client.Post(Project(options->name) + "/promote", body));
              // By steps, unless it is the first version.
              const bool rolled_out = options->flag && answer.value("champion", Json()) != options->number;
              terminal.out << fmt::format("version {} is {} {}\n", options->number,
                                          rolled_out ? "rolled out in" : "the champion of", options->name);
              return kExitOk;
            };
          }};
}

Command RollbackCommand() {
  return {"rollback", "Stop a rollout, or go back to the champion before", "keelson rollback flight-delays",
          [](CLI::App& app) -> RunCommand {
            auto options = std::make_shared<Options>();
            options->server.AddTo(app);
            app.add_option("project", options->name, "Name of the project")->required();
            return [options](Terminal& terminal) -> Result<int> {
              KEELSON_ASSIGN_OR_RETURN(Client client, Client::Connect(options->server));
              KEELSON_ASSIGN_OR_RETURN(const Json answer,
                                       client.Post(Project(options->name) + "/rollback", Json::object()));
              terminal.out << fmt::format("champion of {}: version {}\n", options->name, answer.at("champion").dump());
              return kExitOk;
            };
          }};
}

Command DeleteCommand() {
  return {
      "delete", "Delete a project with its endpoint, versions, jobs and data",
      "keelson delete flight-delays --yes\nkeelson delete --kubernetes flight-delays", [](CLI::App& app) -> RunCommand {
        auto options = std::make_shared<Options>();
        auto kubernetes = std::make_shared<bool>(false);
        options->server.AddTo(app);
        app.add_option("project", options->name, "Name of the project")->required();
        app.add_flag("--yes", options->flag, "Really do it; without it --kubernetes says what would be deleted");
        app.add_flag("--kubernetes", *kubernetes,
                     "Delete what `keelson apply --kubernetes` made, and nothing else, from the cluster that "
                     "kubectl speaks to");
        return [options, kubernetes](Terminal& terminal) -> Result<int> {
          if (*kubernetes) return DeleteFromCluster(options->name, !options->flag, terminal);
          if (!options->flag) {
            return Fail(ErrorCode::kFailedPrecondition,
                        "this removes the project's endpoint, versions and data for good; say --yes", options->name);
          }
          KEELSON_ASSIGN_OR_RETURN(Client client, Client::Connect(options->server));
          KEELSON_RETURN_IF_ERROR(client.Delete(Project(options->name)));
          terminal.out << "deleted " << options->name << "\n";
          return kExitOk;
        };
      }};
}

}  // namespace keelson::app
