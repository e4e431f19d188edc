// The expectation suites and the point-in-time join of a project, on its own data and in memory:
//   keelson_flights_bench PROJECT_FILE [--rows N] [--runs N] [--export FOLDER]
// Prints one JSON line a figure, with the wall and CPU seconds of each run:
//   read      all sources through DuckDB, and the project's SQL
//   suite     every expectation of a table's suite, over all its rows; "failed" counts expectations
//   join      every feature of every view, as of each row of the training table's time
// --rows takes only the first rows of each table. --export writes each table that has a suite as TABLE.parquet, and
// what our evaluator found as TABLE.json: for the same suite in Great Expectations.
#include <fmt/format.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "data/duckdb.h"
#include "data/expectations.h"
#include "data/prepare.h"
#include "data/source_reader.h"
#include "data/table.h"
#include "features/join.h"
#include "project/parse.h"

namespace keelson {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void Die(const std::string& why) {
  fmt::print(stderr, "flights_bench: {}\n", why);
  std::exit(1);
}

template <typename T>
T Must(Result<T> result) {
  if (!result) Die(result.error().ToString());
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

std::string ReadText(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) Die("cannot read " + path.string());
  return {std::istreambuf_iterator<char>(file), {}};
}

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// The seconds of each run of one thing.
struct Times {
  std::vector<double> wall;
  std::vector<double> cpu;

  template <typename Work>
  void Run(Work work) {
    const double cpu_before = CpuSeconds();
    const auto begun = std::chrono::steady_clock::now();
    work();
    wall.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count());
    cpu.push_back(CpuSeconds() - cpu_before);
  }
  std::string Json() const {
    return fmt::format(R"("wall_s": [{:.4f}], "cpu_s": [{:.4f}])", fmt::join(wall, ", "), fmt::join(cpu, ", "));
  }
};

struct Arguments {
  fs::path project_file;
  std::size_t rows = SIZE_MAX;
  int runs = 3;
  std::string export_folder;
};

// The project's tables, prepared, by name; and how long that took.
std::map<std::string, data::Table> ReadTables(const project::Project& project, const Arguments& arguments,
                                              Times& times) {
  const fs::path folder = arguments.project_file.parent_path();
  std::map<std::string, data::Table> tables;
  times.Run([&] {
    const auto engine = Must(data::Engine::Open({}));
    std::vector<std::string> sources;
    for (const auto& source : project.sources) {
      data::SourceOptions options{.null_values = source.null_values};
      for (const auto& [column, type] : source.types)
        options.types.emplace(column, data::ParseColumnType(type).value());
      Must(data::ReadSource(*engine, source.name, folder / source.path, options));
      sources.push_back(source.name);
    }
    std::vector<data::Transform> transforms;
    for (const auto& table : project.tables)
      transforms.push_back({table.name, ReadText(folder / table.sql_path), table.sql_path});
    for (const auto& prepared : Must(data::PrepareTables(*engine, sources, transforms)))
      sources.push_back(prepared.name);
    for (const auto& name : sources) {
      const bool limited = arguments.rows != SIZE_MAX;
      const std::string limit = limited ? fmt::format(" LIMIT {}", arguments.rows) : "";
      const std::string sql = data::PreparedSql(name) + limit;
      tables.insert_or_assign(name, Must(engine->Query(sql)));
      if (!arguments.export_folder.empty())
        Must(engine->WriteParquet(sql, arguments.export_folder + "/" + name + ".parquet"));
    }
  });
  return tables;
}

void MeasureSuites(const project::Project& project, const std::map<std::string, data::Table>& tables,
                   const Arguments& arguments) {
  for (const auto& expected : project.expectations) {
    const auto path = arguments.project_file.parent_path() / expected.suite_path;
    const auto suite = Must(data::ExpectationSuite::Parse(ReadText(path), path.string()));
    const data::Table& table = tables.at(expected.table);
    Times times;
    data::ValidationReport report;
    for (int run = 0; run < arguments.runs; ++run) times.Run([&] { report = suite.Validate(table); });
    std::size_t failed = 0;
    for (const auto& result : report.results) failed += result.success ? 0 : 1;
    fmt::print(R"({{"figure": "suite", "table": "{}", "rows": {}, "expectations": {}, "failed": {}, {}}})"
               "\n",
               expected.table, table.rows(), suite.size(), failed, times.Json());
    if (!arguments.export_folder.empty())
      std::ofstream(arguments.export_folder + "/" + expected.table + ".json") << report.ToJson();
  }
}

void MeasureJoin(const project::Project& project, const std::map<std::string, data::Table>& tables,
                 const Arguments& arguments) {
  features::Definitions definitions{
      .entities = project.features.entities, .views = project.features.views, .sources = {}};
  features::SourceTables sources;
  std::string time;
  for (const auto& source : project.sources) {
    const data::Table& table = tables.at(source.name);
    sources[source.name] = &table;
    definitions.sources.push_back({source.name, table.schema(), source.time, source.known, source.key});
    if (source.name == project.train->table) time = source.time;
  }
  const data::Table& spine = tables.at(project.train->table);
  Times times;
  std::size_t columns = 0;
  for (int run = 0; run < arguments.runs; ++run) {
    times.Run([&] { columns = Must(features::PointInTimeJoin(spine, time, sources, definitions)).columns().size(); });
  }
  fmt::print(R"({{"figure": "join", "rows": {}, "features": {}, {}}})"
             "\n",
             spine.rows(), columns, times.Json());
}

int Main(const Arguments& arguments) {
  const auto parsed = project::ParseProject(ReadText(arguments.project_file), arguments.project_file.string());
  if (!parsed) Die("the project file has mistakes; keelson render tells them");
  if (!parsed->project.train) Die("the project trains nothing");
  Times reading;
  const auto tables = ReadTables(parsed->project, arguments, reading);
  fmt::print(R"({{"figure": "read", "rows": {}, {}}})"
             "\n",
             tables.at(parsed->project.train->table).rows(), reading.Json());
  MeasureSuites(parsed->project, tables, arguments);
  MeasureJoin(parsed->project, tables, arguments);
  return 0;
}

}  // namespace
}  // namespace keelson

int main(int argc, char** argv) {
  keelson::Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const char* value = i + 1 < argc ? argv[i + 1] : "";
    if (word == "--rows")
      arguments.rows = std::strtoull(value, nullptr, 10), ++i;
    else if (word == "--runs")
      arguments.runs = std::atoi(value), ++i;
    else if (word == "--export")
      arguments.export_folder = value, ++i;
    else
      arguments.project_file = std::filesystem::absolute(word);
  }
  if (arguments.project_file.empty() || arguments.rows == 0 || arguments.runs < 1) {
    fmt::print(stderr, "usage: keelson_flights_bench PROJECT_FILE [--rows N] [--runs N] [--export FOLDER]\n");
    return 2;
  }
  return keelson::Main(arguments);
}
