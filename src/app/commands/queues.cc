#include "app/commands/queues.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>
#include <ostream>
#include <thread>

#include "app/client/client.h"
#include "app/output.h"
#include "app/queues/tables.h"

namespace keelson::app {
namespace {

struct Options {
  ServerOptions server;
  OutputFormat format = OutputFormat::kTable;
  std::string name;
  bool once = false;
  double every = 2;
};

Result<Json> Queues(const ServerOptions& server) {
  KEELSON_ASSIGN_OR_RETURN(Client client, Client::Connect(server));
  return client.Get(kApi + "/queues");
}

void Print(Terminal& terminal, OutputFormat format, const Json& value, const TextTable& table) {
  terminal.out << FormatOutput(format, nlohmann::ordered_json::parse(value.dump()), table);
}

}  // namespace

Command QueueCommand() {
  return {"queue", "Show what runs and what waits, and why", "keelson queue\nkeelson queue research -o json",
          [](CLI::App& app) -> RunCommand {
            auto options = std::make_shared<Options>();
            options->server.AddTo(app);
            app.add_option("queue", options->name, "Only what stands in this queue");
            AddOutputOption(app, &options->format);
            return [options](Terminal& terminal) -> Result<int> {
              KEELSON_ASSIGN_OR_RETURN(Json answer, Queues(options->server));
              if (!options->name.empty()) {
                Json queues = Json::array();
                Json jobs = Json::array();
                for (const Json& queue : answer.at("queues")) {
                  if (queue.at("name") == options->name) queues.push_back(queue);
                }
                for (const Json& job : answer.at("jobs")) {
                  if (job.at("queue") == options->name) jobs.push_back(job);
                }
                if (queues.empty()) {
                  return Fail(ErrorCode::kNotFound, "no such queue; `keelson quota` lists them", options->name);
                }
                answer["queues"] = queues;
                answer["jobs"] = jobs;
              }
              Print(terminal, options->format, answer, QueueTable(answer));
              return kExitOk;
            };
          }};
}

Command QuotaCommand() {
  return {"quota", "Show what each queue may use, uses and could use now", "keelson quota",
          [](CLI::App& app) -> RunCommand {
            auto options = std::make_shared<Options>();
            options->server.AddTo(app);
            AddOutputOption(app, &options->format);
            return [options](Terminal& terminal) -> Result<int> {
              KEELSON_ASSIGN_OR_RETURN(const Json answer, Queues(options->server));
              Print(terminal, options->format, answer.at("queues"), QuotaTable(answer));
              return kExitOk;
            };
          }};
}

Command WhyCommand() {
  return {"why", "Say in a sentence what a job waits for", "keelson why j000042", [](CLI::App& app) -> RunCommand {
            auto options = std::make_shared<Options>();
            options->server.AddTo(app);
            app.add_option("job", options->name, "Id of the job; `keelson queue` shows them")->required();
            AddOutputOption(app, &options->format);
            return [options](Terminal& terminal) -> Result<int> {
              KEELSON_ASSIGN_OR_RETURN(Client client, Client::Connect(options->server));
              KEELSON_ASSIGN_OR_RETURN(const Json answer,
                                       client.Get(kApi + "/jobs/" + io::PercentEncode(options->name) + "/why"));
              if (options->format == OutputFormat::kTable) {
                terminal.out << answer.at("job").get<std::string>() << " " << answer.at("why").get<std::string>()
                             << "\n";
              } else {
                Print(terminal, options->format, answer, {});
              }
              return kExitOk;
            };
          }};
}

Command TopCommand() {
  return {"top", "Watch what the machine is used for, by queue, project, user and job",
          "keelson top\nkeelson top --once -o json", [](CLI::App& app) -> RunCommand {
            auto options = std::make_shared<Options>();
            options->server.AddTo(app);
            app.add_flag("--once", options->once, "Show it once and end; so it is without a terminal");
            app.add_option("--every", options->every, "Seconds between looks")
                ->default_val(2)
                ->check(CLI::Range(0.1, 3600.0));
            AddOutputOption(app, &options->format);
            return [options](Terminal& terminal) -> Result<int> {
              const bool live = !options->once && options->format == OutputFormat::kTable && isatty(STDOUT_FILENO) == 1;
              while (true) {
                KEELSON_ASSIGN_OR_RETURN(const Json answer, Queues(options->server));
                if (options->format != OutputFormat::kTable) {
                  Print(terminal, options->format, answer, {});
                  return kExitOk;
                }
                if (live) terminal.out << "\x1b[H\x1b[2J";  // to the corner, and clear
                terminal.out << TopScreen(answer) << std::flush;
                if (!live) return kExitOk;
                std::this_thread::sleep_for(std::chrono::duration<double>(options->every));
              }
            };
          }};
}

}  // namespace keelson::app
