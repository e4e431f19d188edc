#include "app/replay/replay.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <ostream>

#include "app/client/client.h"
#include "app/client/progress.h"
#include "app/commands.h"
#include "app/output.h"
#include "app/project_problems.h"
#include "app/replay/summary.h"
#include "io/files.h"
#include "project/bundle.h"

namespace keelson::app {

Command ReplayCommand() {
  return {
      "replay", "Live through a project's past against the server, fast",
      "keelson replay -f examples/flights/keelson.yaml --from 2013-04-01 --to 2014-01-01",
      [](CLI::App& app) -> RunCommand {
        struct Options {
          ServerOptions server;
          std::string file = "keelson.yaml";
          std::string from;
          std::string to;
          std::string journal;
          std::string summary;
          std::vector<std::string> corruptions;
          bool in_step = false;
          OutputFormat format = OutputFormat::kTable;
        };
        auto options = std::make_shared<Options>();
        options->server.AddTo(app);
        app.add_option("-f,--file", options->file, "Project file")->default_val("keelson.yaml");
        app.add_option("--from", options->from, "First instant, in the project's time zone")->required();
        app.add_option("--to", options->to, "Last instant")->required();
        app.add_option("--journal", options->journal, "File to go on from after a kill");
        app.add_option("--summary", options->summary, "Write the figures as JSON into this file");
        app.add_option("--corrupt", options->corruptions,
                       "Change rows on their way in: SOURCE:FROM..TO:COLUMN=EXPRESSION or COLUMN->NAME");
        app.add_flag("--in-step", options->in_step,
                     "Push nothing later before an instant's questions are answered; slower, with the same results");
        AddOutputOption(app, &options->format);
        return [options](Terminal& terminal) -> Result<int> {
          auto loaded = project::LoadProject(options->file);
          if (!loaded) return ReportProblems(terminal, loaded.error());
          const project::Project& project = loaded->parsed.project;
          KEELSON_ASSIGN_OR_RETURN(const auto calendar, Calendar::Open(project.time_zone));
          ReplayOptions replay;
          replay.server = options->server;
          KEELSON_ASSIGN_OR_RETURN(replay.from, calendar.ParseLocal(options->from));
          KEELSON_ASSIGN_OR_RETURN(replay.to, calendar.ParseLocal(options->to));
          replay.journal = options->journal;
          replay.in_step = options->in_step;
          for (const auto& text : options->corruptions) {
            KEELSON_ASSIGN_OR_RETURN(auto corruption, ParseCorruption(text, calendar));
            replay.corruptions.push_back(std::move(corruption));
          }
          ProgressLine progress(terminal);
          const std::string folder = std::filesystem::absolute(options->file).parent_path().string();
          KEELSON_ASSIGN_OR_RETURN(
              const Past past, LoadPast(project, folder, replay.from, replay.to,
                                        [&](const std::string& line) { progress.Show("loading the past", 0, line); }));
          KEELSON_ASSIGN_OR_RETURN(const ReplayResult result,
                                   Replay(project, past, replay, [&](const ReplayProgress& now) {
                                     progress.Show("replaying", now.fraction,
                                                   fmt::format("{}, {} asked{}", calendar.Day(now.clock), now.asked,
                                                               now.note.empty() ? "" : ", " + now.note));
                                   }));
          KEELSON_ASSIGN_OR_RETURN(Client client, Client::Connect(options->server));
          KEELSON_ASSIGN_OR_RETURN(
              const Json served,
              GetOnceBack(client, kApi + "/projects/" + project.name + "/summary", std::chrono::seconds(30)));
          const Json summary = MergeSummary(served, result);
          if (!options->summary.empty())
            KEELSON_RETURN_IF_ERROR(io::WriteFileAtomically(options->summary, summary.dump(1) + "\n"));
          progress.Say("");
          terminal.out << (options->format == OutputFormat::kTable ? SummaryText(summary) : summary.dump(1) + "\n");
          return kExitOk;
        };
      }};
}

}  // namespace keelson::app
