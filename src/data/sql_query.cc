#include "data/sql_query.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/strings.h"

namespace keelson::data {
namespace {

using Json = nlohmann::json;

const std::set<std::string>& TableFunctions() {
  static const std::set<std::string> functions = {"range", "generate_series", "unnest", "generate_subscripts"};
  return functions;
}

const std::set<std::string>& ChangingFunctions() {
  static const std::set<std::string> functions = {"random",
                                                  "setseed",
                                                  "uuid",
                                                  "uuidv4",
                                                  "uuidv7",
                                                  "gen_random_uuid",
                                                  "now",
                                                  "today",
                                                  "get_current_time",
                                                  "get_current_timestamp",
                                                  "current_date",
                                                  "current_time",
                                                  "current_timestamp",
                                                  "current_localtime",
                                                  "current_localtimestamp",
                                                  "transaction_timestamp",
                                                  "nextval",
                                                  "currval",
                                                  "current_setting",
                                                  "getvariable",
                                                  "getenv",
                                                  "txid_current",
                                                  "current_user",
                                                  "user",
                                                  "version",
                                                  "current_query",
                                                  "pg_postmaster_start_time"};
  return functions;
}

// Walks the tree that DuckDB's parser gives and gathers the tables; `scope` holds the names of WITH that are visible.
class Inspector {
 public:
  Status Walk(const Json& node, const std::set<std::string>& scope) {
    if (node.is_array()) {
      for (const Json& child : node) KEELSON_RETURN_IF_ERROR(Walk(child, scope));
      return {};
    }
    if (!node.is_object()) return {};
    KEELSON_RETURN_IF_ERROR(Check(node, scope));
    std::set<std::string> inner = scope;
    if (const auto ctes = node.find("cte_map"); ctes != node.end()) {
      for (const Json& entry : ctes->value("map", Json::array())) {
        const std::string name = ToLower(entry.at("key").get<std::string>());
        const Json& body = entry.at("value");
        std::set<std::string> own = inner;
        if (Text(body.at("query").at("node"), "type") == "RECURSIVE_CTE_NODE") own.insert(name);
        KEELSON_RETURN_IF_ERROR(Walk(body, own));
        inner.insert(name);
      }
    }
    for (const auto& [key, child] : node.items()) {
      if (key != "cte_map") KEELSON_RETURN_IF_ERROR(Walk(child, inner));
    }
    return {};
  }

  std::vector<std::string> tables() const { return {tables_.begin(), tables_.end()}; }

 private:
  static std::string Text(const Json& node, const char* key) {
    const auto found = node.find(key);
    return found != node.end() && found->is_string() ? found->get<std::string>() : std::string();
  }

  Status Check(const Json& node, const std::set<std::string>& scope) {
    const std::string type = Text(node, "type");
    if (const auto sample = node.find("sample"); sample != node.end() && !sample->is_null()) {
      return Fail(ErrorCode::kInvalidArgument, "the SQL takes a sample, which changes from run to run");
    }
    if (type == "SHOW_REF") return Fail(ErrorCode::kInvalidArgument, "the SQL describes a table; expected one SELECT");
    if (type == "TABLE_FUNCTION") {
      const std::string name = ToLower(Text(node.at("function"), "function_name"));
      if (!TableFunctions().contains(name)) {
        return Fail(
            ErrorCode::kInvalidArgument,
            fmt::format("the SQL calls {}(); expected only sources, tables and range, generate_series or unnest "
                        "behind FROM",
                        name));
      }
    }
    if (Text(node, "class") == "FUNCTION" && ChangingFunctions().contains(ToLower(Text(node, "function_name")))) {
      return Fail(
          ErrorCode::kInvalidArgument,
          fmt::format("the SQL calls {}(), whose answer changes from run to run; expected the same table from the "
                      "same sources",
                      Text(node, "function_name")));
    }
    if (Text(node, "class") == "COLUMN_REF" && node.at("column_names").size() == 1) {
      const std::string name = ToLower(node.at("column_names")[0].get<std::string>());
      if (name == "current_timestamp" || name == "current_date" || name == "current_time" || name == "localtimestamp") {
        return Fail(ErrorCode::kInvalidArgument,
                    fmt::format("the SQL asks for {}, which changes from run to run", name));
      }
    }
    if (type == "BASE_TABLE") {
      const std::string name = Text(node, "table_name");
      const std::string schema = Text(node, "schema_name");
      if (!schema.empty() || !Text(node, "catalog_name").empty()) {
        return Fail(ErrorCode::kInvalidArgument,
                    fmt::format("the SQL names \"{}.{}\"; expected the name of a source or table alone", schema, name));
      }
      if (!scope.contains(ToLower(name))) tables_.insert(name);
    }
    return {};
  }

  std::set<std::string> tables_;
};

}  // namespace

Result<std::vector<std::string>> InspectTransform(Engine& engine, std::string_view sql) {
  if (sql.find('\0') != std::string_view::npos) return Fail(ErrorCode::kInvalidArgument, "SQL with a NUL byte");
  KEELSON_ASSIGN_OR_RETURN(const Table answer,
                           engine.Query(fmt::format("SELECT json_serialize_sql({})", QuoteText(sql))));
  try {
    const Json tree = Json::parse(answer.columns()[0].strings[0]);
    if (tree.at("error").get<bool>()) {
      const std::string message = tree.value("error_message", std::string());
      if (tree.value("error_type", std::string()) == "parser") {
        return Fail(ErrorCode::kInvalidArgument, fmt::format("the SQL cannot be parsed: {}", message));
      }
      return Fail(ErrorCode::kInvalidArgument, "the SQL is not a query; expected one SELECT (or WITH ... SELECT)");
    }
    const Json& statements = tree.at("statements");
    if (statements.size() != 1) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("there are {} SQL statements; expected one SELECT", statements.size()));
    }
    Inspector inspector;
    KEELSON_RETURN_IF_ERROR(inspector.Walk(statements, {}));
    return inspector.tables();
  } catch (const std::exception& error) {
    return Fail(ErrorCode::kInternal, fmt::format("DuckDB's tree of a query was not understood: {}", error.what()));
  }
}

}  // namespace keelson::data
