// gc: what nobody needs any more.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <array>
#include <memory>
#include <ostream>

#include "app/client/client.h"
#include "app/commands.h"
#include "io/files.h"

namespace keelson::app {
namespace {

struct Options {
  ServerOptions server;
  std::string deleted_for = "30d";
  std::string rules;
  double price = 0;
  bool dry_run = false;
  bool json = false;
};

std::string Size(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 5> kUnits = {"B", "kB", "MB", "GB", "TB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1000 && unit + 1 < kUnits.size(); ++unit) value /= 1000;
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

Result<Json> BodyOf(const Options& options) {
  Json body = {{"deleted_for", options.deleted_for}, {"dry_run", options.dry_run}, {"price", options.price}};
  if (options.rules.empty()) return body;
  KEELSON_ASSIGN_OR_RETURN(const std::string text, io::ReadFile(options.rules, 1 << 20));
  Json rules = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (rules.is_discarded()) return Fail(ErrorCode::kInvalidArgument, "this is no JSON", options.rules);
  body["artifacts"] = std::move(rules);
  return body;
}

void Tell(const Json& answer, const Options& options, std::ostream& out) {
  for (const Json& item : answer.at("items")) {
    out << fmt::format("{:<12}  {:>9}  {}  {}\n", item.at("kind").get<std::string>(),
                       Size(item.at("bytes").get<std::uint64_t>()), item.at("id").get<std::string>(),
                       item.at("reason").get<std::string>());
  }
  out << fmt::format("{} {} of {} {}", options.dry_run ? "would remove" : "removed",
                     Size(answer.at("bytes").get<std::uint64_t>()), answer.at("items").size(),
                     answer.at("items").size() == 1 ? "thing" : "things");
  if (options.price > 0) out << fmt::format(", {:.2f} a month", answer.at("saved_a_month").get<double>());
  out << "\n";
}

}  // namespace

Command GcCommand() {
  return {
      "gc",
      "Remove what was deleted and not restored, artifacts past their time to live, and files that no run has; never "
      "what an alias, an endpoint or their lineage needs",
      "keelson gc --dry-run --price 0.023\n"
      "keelson gc --deleted-for 7d --rules retention.json",
      [](CLI::App& app) -> RunCommand {
        auto options = std::make_shared<Options>();
        options->server.AddTo(app);
        app.add_option("--deleted-for", options->deleted_for, "Of what was deleted, only what was at least so long ago")
            ->default_val("30d");
        app.add_option("--rules", options->rules,
                       "JSON file: the artifacts' times to live, the list `artifacts` of docs/api.md");
        app.add_option("--price", options->price, "Price of a GB for a month: tells what is saved")
            ->default_val(0)
            ->check(CLI::NonNegativeNumber);
        app.add_flag("--dry-run", options->dry_run, "Only tell what would go, and how many bytes");
        app.add_flag("--json", options->json, "Tell it as JSON");
        return [options](Terminal& terminal) -> Result<int> {
          KEELSON_ASSIGN_OR_RETURN(const Json body, BodyOf(*options));
          KEELSON_ASSIGN_OR_RETURN(Client client, Client::Connect(options->server));
          KEELSON_ASSIGN_OR_RETURN(const Json answer, client.Post(kApi + "/gc", body));
          if (options->json) {
            terminal.out << answer.dump(2) << "\n";
          } else {
            Tell(answer, *options, terminal.out);
          }
          return kExitOk;
        };
      }};
}

}  // namespace keelson::app
