#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace keelson::app {

enum class OutputFormat { kTable, kJson, kYaml };

// Declares -o/--output table|json|yaml on a command; `format` must live as long as the command.
void AddOutputOption(CLI::App& app, OutputFormat* format);

// Rows of text for a terminal.
struct TextTable {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
};

// Columns padded to their widest cell, two spaces apart, the header in capitals; "" for a table without rows and
// header.
std::string FormatTable(const TextTable& table);

// A result in the format that was asked for: `table` for people, `value` (as JSON or YAML) for programs.
std::string FormatOutput(OutputFormat format, const nlohmann::ordered_json& value, const TextTable& table);

}  // namespace keelson::app
