// status, get and describe: what the server knows, for people and for programs.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "app/client/client.h"
#include "app/commands.h"
#include "app/output.h"

namespace keelson::app {
namespace {

struct Options {
  ServerOptions server;
  std::string kind;
  std::string name;
  std::string project;
  OutputFormat format = OutputFormat::kTable;
};

std::string Text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_null()) return "-";
  if (value.is_number_float()) return fmt::format("{:.4g}", value.get<double>());
  if (value.is_array()) {
    std::string text;
    for (const Json& item : value) text += (text.empty() ? "" : ", ") + Text(item);
    return text;
  }
  return value.dump();
}

// A list of objects as a table with these fields.
TextTable TableOf(const Json& list, const std::vector<std::string>& fields) {
  TextTable table;
  table.header = fields;
  for (const Json& item : list) {
    std::vector<std::string> row;
    for (const auto& field : fields) row.push_back(Text(item.value(field, Json())));
    table.rows.push_back(std::move(row));
  }
  return table;
}

void Print(Terminal& terminal, OutputFormat format, const Json& value, const TextTable& table) {
  terminal.out << FormatOutput(format, nlohmann::ordered_json::parse(value.dump()), table);
}

struct Kind {
  const char* name;
  bool of_project;
  const char* path;  // below the API, or below the project
  const char* list;  // the field with the list
  std::vector<std::string> fields;
};

const std::vector<Kind>& Kinds() {
  static const std::vector<Kind> kinds = {
      {"projects", false, "/projects", "projects", {"name", "mode", "clock", "champion", "revision"}},
      {"pipelines", false, "/pipelines", "pipelines", {"id", "project", "state", "as_of", "version", "cause", "error"}},
      {"jobs", false, "/jobs", "jobs", {"id", "project", "step", "state", "attempts", "progress", "waiting", "error"}},
      {"versions", true, "/versions", "versions", {"version", "aliases", "gate", "created", "run_id"}},
      {"events", true, "/events", "events", {"clock", "kind", "message"}},
      {"lineage", true, "/lineage", "edges", {"from", "label", "to"}},
  };
  return kinds;
}

std::vector<std::string> KindNames() {
  std::vector<std::string> names;
  for (const Kind& kind : Kinds()) names.emplace_back(kind.name);
  return names;
}

// An object as a person reads it: a line a field, lists and objects set in.
void Outline(std::ostream& out, const Json& value, int depth) {
  const std::string indent(static_cast<std::size_t>(depth) * 2, ' ');
  for (const auto& [name, field] : value.items()) {
    if (field.is_object() && !field.empty()) {
      out << indent << name << ":\n";
      Outline(out, field, depth + 1);
    } else if (field.is_array() && !field.empty() && field.front().is_structured()) {
      out << indent << name << ":\n";
      for (const Json& item : field) {
        out << indent << "  -\n";
        if (item.is_object()) {
          Outline(out, item, depth + 2);
        } else {
          out << indent << "    " << item.dump() << "\n";
        }
      }
    } else {
      out << indent << name << ": " << Text(field) << "\n";
    }
  }
}

}  // namespace

Command StatusCommand() {
  return {
      "status", "Show a project at a glance", "keelson status flight-delays", [](CLI::App& app) -> RunCommand {
        auto options = std::make_shared<Options>();
        options->server.AddTo(app);
        app.add_option("project", options->name, "Name of the project")->required();
        AddOutputOption(app, &options->format);
        return [options](Terminal& terminal) -> Result<int> {
          KEELSON_ASSIGN_OR_RETURN(Client client, Client::Connect(options->server));
          KEELSON_ASSIGN_OR_RETURN(const Json project,
                                   client.Get(kApi + "/projects/" + io::PercentEncode(options->name)));
          if (options->format != OutputFormat::kTable) {
            Print(terminal, options->format, project, {});
            return kExitOk;
          }
          auto& out = terminal.out;
          out << fmt::format("project {} ({}), clock {}, revision {}\n", Text(project.at("name")),
                             Text(project.at("mode")), Text(project.at("clock")),
                             Text(project.at("revision")).substr(0, 12));
          out << fmt::format("champion version {}, challenger {}\n", Text(project.at("champion")),
                             Text(project.at("challenger")));
          if (project.at("endpoint").is_object()) {
            out << "\n"
                << FormatTable(TableOf(project.at("endpoint").at("versions"),
                                       {"version", "weight", "requests", "errors", "p50_ms", "p99_ms"}));
          }
          if (project.at("pipeline").is_object()) {
            const Json& pipeline = project.at("pipeline");
            out << fmt::format("\npipeline {}: {} ({})\n", Text(pipeline.at("id")), Text(pipeline.at("state")),
                               Text(pipeline.at("cause")));
            out << FormatTable(TableOf(pipeline.at("steps"), {"name", "state", "seconds", "progress", "error"}));
          }
          if (!project.at("months").empty()) {
            out << "\n"
                << FormatTable(TableOf(project.at("months"), {"month", "asked", "labelled", "auc_frozen", "auc_live",
                                                              "drift_alarms", "retrainings", "promotions"}));
          }
          return kExitOk;
        };
      }};
}

Command GetCommand() {
  return {"get", "List things: projects, pipelines, jobs, versions, events, lineage",
          "keelson get jobs\nkeelson get versions --project flight-delays -o yaml", [](CLI::App& app) -> RunCommand {
            auto options = std::make_shared<Options>();
            options->server.AddTo(app);
            app.add_option("kind", options->kind, "What to list")->required()->check(CLI::IsMember(KindNames()));
            app.add_option("--project", options->project, "Project, for versions, events and lineage");
            AddOutputOption(app, &options->format);
            return [options](Terminal& terminal) -> Result<int> {
              KEELSON_ASSIGN_OR_RETURN(Client client, Client::Connect(options->server));
              for (const Kind& kind : Kinds()) {
                if (options->kind != kind.name) continue;
                if (kind.of_project && options->project.empty()) {
                  return Fail(ErrorCode::kInvalidArgument,
                              fmt::format("{} are of one project: name it with --project", kind.name));
                }
                const std::string prefix = kind.of_project ? "/projects/" + io::PercentEncode(options->project) : "";
                KEELSON_ASSIGN_OR_RETURN(const Json answer, client.Get(kApi + prefix + kind.path));
                Print(terminal, options->format, answer.at(kind.list), TableOf(answer.at(kind.list), kind.fields));
              }
              return kExitOk;
            };
          }};
}

Command DescribeCommand() {
  return {"describe", "Show everything about one thing",
          "keelson describe job j000007\nkeelson describe pipeline flight-delays-p0001",
          [](CLI::App& app) -> RunCommand {
            auto options = std::make_shared<Options>();
            options->server.AddTo(app);
            app.add_option("kind", options->kind, "project, pipeline or job")
                ->required()
                ->check(CLI::IsMember({"project", "pipeline", "job"}));
            app.add_option("name", options->name, "Its name")->required();
            AddOutputOption(app, &options->format);
            return [options](Terminal& terminal) -> Result<int> {
              KEELSON_ASSIGN_OR_RETURN(Client client, Client::Connect(options->server));
              KEELSON_ASSIGN_OR_RETURN(
                  const Json thing, client.Get(kApi + "/" + options->kind + "s/" + io::PercentEncode(options->name)));
              if (options->format == OutputFormat::kTable) {
                Outline(terminal.out, thing, 0);
              } else {
                Print(terminal, options->format, thing, {});
              }
              return kExitOk;
            };
          }};
}

}  // namespace keelson::app
