#include "app/output.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "project/yaml_writer.h"

namespace keelson::app {
namespace {

// Characters as a terminal counts them: code points, not bytes.
std::size_t Width(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string Capitals(std::string text) {
  for (char& c : text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return text;
}

}  // namespace

void AddOutputOption(CLI::App& app, OutputFormat* format) {
  static const std::map<std::string, OutputFormat> formats = {
      {"table", OutputFormat::kTable}, {"json", OutputFormat::kJson}, {"yaml", OutputFormat::kYaml}};
  app.add_option_function<std::string>(
         "-o,--output", [format](const std::string& name) { *format = formats.at(name); },
         "How the result is printed: table, json or yaml")
      ->check(CLI::IsMember({"table", "json", "yaml"}));
}

std::string FormatTable(const TextTable& table) {
  std::vector<std::vector<std::string>> lines;
  if (!table.header.empty()) {
    lines.emplace_back();
    for (const std::string& name : table.header) lines.back().push_back(Capitals(name));
  }
  lines.insert(lines.end(), table.rows.begin(), table.rows.end());
  std::vector<std::size_t> widths;
  for (const auto& line : lines) {
    widths.resize(std::max(widths.size(), line.size()));
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], Width(line[i]));
  }
  std::string text;
  for (const auto& line : lines) {
    std::string row;
    for (std::size_t i = 0; i < line.size(); ++i) {
      row += line[i];
      if (i + 1 < line.size()) row.append(widths[i] - Width(line[i]) + 2, ' ');
    }
    row.erase(row.find_last_not_of(' ') + 1);
    text += row + "\n";
  }
  return text;
}

std::string FormatOutput(OutputFormat format, const nlohmann::ordered_json& value, const TextTable& table) {
  switch (format) {
    case OutputFormat::kTable:
      return FormatTable(table);
    case OutputFormat::kJson:
      return value.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
    case OutputFormat::kYaml:
      return project::ToYaml(value);
  }
  return "";
}

}  // namespace keelson::app
