#include "data/prepare.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "base/strings.h"
#include "data/sql_query.h"

namespace keelson::data {
namespace {

std::string Qualified(const char* schema, const std::string& name) {
  return QuoteIdentifier(schema) + "." + QuoteIdentifier(name);
}

// Transforms by lower-case name (as SQL compares names) with the lower-case names of what they read.
struct Graph {
  std::map<std::string, const Transform*> transforms;
  std::map<std::string, std::vector<std::string>> inputs;  // as written
};

Result<Graph> Inspect(Engine& engine, const std::vector<std::string>& sources,
                      const std::vector<Transform>& transforms) {
  Graph graph;
  std::set<std::string> known;
  std::vector<std::string> names;
  for (const std::string& source : sources) {
    known.insert(ToLower(source));
    names.push_back(source);
  }
  for (const Transform& transform : transforms) {
    if (!graph.transforms.emplace(ToLower(transform.name), &transform).second) {
      return Fail(ErrorCode::kInvalidArgument, fmt::format("two tables are named \"{}\"", transform.name),
                  transform.file);
    }
    if (known.insert(ToLower(transform.name)).second) names.push_back(transform.name);
  }
  for (const Transform& transform : transforms) {
    auto inputs = InspectTransform(engine, transform.sql);
    if (!inputs.has_value()) return Fail(inputs.error().code, inputs.error().message, transform.file);
    const bool refines = std::any_of(sources.begin(), sources.end(), [&](const std::string& source) {
      return ToLower(source) == ToLower(transform.name);
    });
    for (const std::string& input : *inputs) {
      if (!known.contains(ToLower(input))) {
        const auto meant = DidYouMean(input, names);
        return Fail(ErrorCode::kInvalidArgument,
                    fmt::format("\"{}\" is neither a source nor a table{}", input,
                                meant ? fmt::format("; did you mean \"{}\"?", *meant) : ""),
                    transform.file);
      }
      if (ToLower(input) == ToLower(transform.name) && !refines) {
        return Fail(ErrorCode::kInvalidArgument, fmt::format("the table \"{}\" reads itself", input), transform.file);
      }
    }
    graph.inputs[ToLower(transform.name)] = *std::move(inputs);
  }
  return graph;
}

// Depth first; `path` is the chain of transforms that led here.
Status Order(const Graph& graph, const std::string& name, std::vector<std::string>& path,
             std::vector<const Transform*>& order) {
  const auto found = graph.transforms.find(name);
  if (found == graph.transforms.end() || std::find(order.begin(), order.end(), found->second) != order.end()) return {};
  if (const auto before = std::find(path.begin(), path.end(), name); before != path.end()) {
    std::string cycle;
    for (auto at = before; at != path.end(); ++at) cycle += *at + " -> ";
    return Fail(ErrorCode::kInvalidArgument, fmt::format("the tables read each other in a cycle: {}{}", cycle, name),
                found->second->file);
  }
  path.push_back(name);
  for (const std::string& input : graph.inputs.at(name)) {
    if (ToLower(input) != name) KEELSON_RETURN_IF_ERROR(Order(graph, ToLower(input), path, order));
  }
  path.pop_back();
  order.push_back(found->second);
  return {};
}

Result<PreparedTable> Run(Engine& engine, const Transform& transform, std::vector<std::string> inputs) {
  const std::string target = Qualified(kPreparedSchema, transform.name);
  // A line end before the bracket, for SQL that ends in a comment; a closing semicolon is allowed.
  std::string sql(Trim(transform.sql));
  while (sql.ends_with(';')) sql = Trim(std::string_view(sql).substr(0, sql.size() - 1));
  const auto fail = [&](const Error& error) { return Fail(error.code, error.message, transform.file); };
  const Status made = engine.Execute(fmt::format("CREATE TABLE {} AS {}\n", target, sql));
  if (!made.has_value()) return fail(made.error());
  auto empty = engine.Query(fmt::format("SELECT * FROM {} LIMIT 0", target));
  if (!empty.has_value()) return fail(empty.error());
  KEELSON_ASSIGN_OR_RETURN(const Table count, engine.Query(fmt::format("SELECT count(*) FROM {}", target)));
  return PreparedTable{transform.name, empty->schema(), static_cast<std::uint64_t>(count.columns()[0].ints[0]),
                       std::move(inputs)};
}

}  // namespace

std::string PreparedSql(const std::string& name) {
  return "SELECT * FROM " + Qualified(kPreparedSchema, name);
}
std::string SourceSql(const std::string& name) {
  return "SELECT * FROM " + Qualified(kSourceSchema, name);
}

Result<std::vector<PreparedTable>> PrepareTables(Engine& engine, const std::vector<std::string>& sources,
                                                 const std::vector<Transform>& transforms) {
  KEELSON_ASSIGN_OR_RETURN(const Graph graph, Inspect(engine, sources, transforms));
  std::vector<const Transform*> order;
  std::vector<std::string> path;
  for (const Transform& transform : transforms) {
    KEELSON_RETURN_IF_ERROR(Order(graph, ToLower(transform.name), path, order));
  }
  const std::string prepared = QuoteIdentifier(kPreparedSchema);
  KEELSON_ASSIGN_OR_RETURN(const Table threads, engine.Query("SELECT current_setting('threads')"));
  KEELSON_RETURN_IF_ERROR(engine.Execute(
      fmt::format("DROP SCHEMA IF EXISTS {0} CASCADE; CREATE SCHEMA {0}; CREATE SCHEMA IF NOT EXISTS {1}; "
                  "SET search_path = '{2},{3}'; SET threads = 1",
                  prepared, QuoteIdentifier(kSourceSchema), kPreparedSchema, kSourceSchema)));
  std::vector<PreparedTable> tables;
  std::optional<Error> problem;
  for (const Transform* transform : order) {
    // While it runs there is no prepared table of its own name, so the name finds the raw source.
    auto table = Run(engine, *transform, graph.inputs.at(ToLower(transform->name)));
    if (!table.has_value()) {
      problem = table.error();
      break;
    }
    tables.push_back(*std::move(table));
  }
  KEELSON_RETURN_IF_ERROR(
      engine.Execute(fmt::format("SET search_path = 'main'; SET threads = {}", threads.columns()[0].ints[0])));
  if (problem) {
    KEELSON_RETURN_IF_ERROR(engine.Execute(fmt::format("DROP SCHEMA {} CASCADE", prepared)));
    return std::unexpected(*std::move(problem));
  }
  for (const std::string& source : sources) {
    if (!graph.transforms.contains(ToLower(source))) {
      KEELSON_RETURN_IF_ERROR(
          engine.Execute(fmt::format("CREATE VIEW {} AS {}", Qualified(kPreparedSchema, source), SourceSql(source))));
    }
  }
  return tables;
}

}  // namespace keelson::data
