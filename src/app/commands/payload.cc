#include "app/commands/payload.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "serving/payload_parquet.h"

namespace keelson::app {
namespace {

Result<int> Export(const serving::PayloadExportOptions& options, Terminal& terminal) {
  KEELSON_ASSIGN_OR_RETURN(const auto engine, data::Engine::Open({}));
  KEELSON_ASSIGN_OR_RETURN(const auto done,
                           serving::ExportPayload(
                               *engine, options, [](const std::string&, double) {}, [] { return false; }));
  terminal.out << fmt::format(
      "{} segments turned: {} requests, {} of them repeated, {} rows; {} removed, {} still written to\n", done.segments,
      done.records, done.repeated, done.rows, done.removed, done.open);
  if (done.damaged.empty()) return 0;
  std::string all = "these segments are damaged and were left: ";
  for (const auto& segment : done.damaged) all += "\n  " + segment;
  return Fail(ErrorCode::kDataLoss, std::move(all));
}

}  // namespace

Command PayloadCommand() {
  return {"payload", "Turn the segments of a payload log into Parquet",
          "keelson payload /var/lib/keelson/payload --to payload-parquet --remove", [](CLI::App& app) -> RunCommand {
            auto options = std::make_shared<serving::PayloadExportOptions>();
            app.add_option("from", options->from,
                           "Folder of the log: of keelson serve --payload-log, or DATA/projects/NAME/payload")
                ->required();
            app.add_option("--to", options->to,
                           "Folder for the Parquet files, one a segment; in all of them a request id is there once")
                ->required();
            app.add_flag("--remove", options->remove,
                         "Take away the segments that are turned. Not of a server's project: its monitor reads them");
            return [options](Terminal& terminal) { return Export(*options, terminal); };
          }};
}

}  // namespace keelson::app
