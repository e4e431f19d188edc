#include "app/manual.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "base/strings.h"

namespace keelson::app {
namespace {

// What completion and the manual need of one option.
struct OptionText {
  std::vector<std::string> flags;  // "-f", "--file"; empty for a positional
  std::string name;                // as the usage line shows it: "-f,--file TEXT"
  std::string description;
};

struct CommandText {
  std::string name;
  std::string summary;
  std::string example;
  std::vector<OptionText> options;
};

std::vector<OptionText> Options(CLI::App& app) {
  std::vector<OptionText> texts;
  for (const CLI::Option* option : app.get_options()) {
    OptionText text;
    for (const auto& name : option->get_snames()) text.flags.push_back("-" + name);
    for (const auto& name : option->get_lnames()) text.flags.push_back("--" + name);
    text.name = text.flags.empty() ? option->get_name() : Join(text.flags, ", ");
    if (!text.flags.empty() && option->get_items_expected_max() > 0) text.name += " VALUE";
    text.description = option->get_description();
    if (option->get_required()) text.description += " (required)";
    texts.push_back(std::move(text));
  }
  return texts;
}

std::vector<CommandText> Texts(const std::vector<Command>& commands) {
  std::vector<CommandText> texts;
  WithParser(commands, [&](CLI::App& root) {
    for (const Command& command : commands) {
      if (command.internal) continue;
      texts.push_back({command.name, command.summary, command.example, Options(*root.get_subcommand(command.name))});
    }
  });
  return texts;
}

std::vector<std::string> Flags(const CommandText& command) {
  std::vector<std::string> all;
  for (const auto& option : command.options) all.insert(all.end(), option.flags.begin(), option.flags.end());
  return all;
}

std::string Indented(std::string_view lines) {
  std::string text;
  for (std::string_view line : Split(lines, '\n')) text += (text.empty() ? "" : "\n    ") + std::string(line);
  return text;
}

// For a single-quoted word of a shell.
std::string Quoted(std::string_view text) {
  std::string quoted = "'";
  for (char c : text) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

std::string Bash(const std::vector<CommandText>& commands) {
  std::vector<std::string> names;
  std::string cases;
  for (const auto& command : commands) {
    names.push_back(command.name);
    cases += fmt::format("    {}) words=\"{}\" ;;\n", command.name, Join(Flags(command), " "));
  }
  return fmt::format(
      "_keelson() {{\n"
      "  local word=\"${{COMP_WORDS[COMP_CWORD]}}\" words=\"\"\n"
      "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
      "    COMPREPLY=($(compgen -W \"{}\" -- \"$word\"))\n"
      "    return\n"
      "  fi\n"
      "  case \"${{COMP_WORDS[1]}}\" in\n"
      "{}"
      "  esac\n"
      "  if [[ \"$word\" == -* ]]; then\n"
      "    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
      "  else\n"
      "    COMPREPLY=($(compgen -f -- \"$word\"))\n"
      "  fi\n"
      "}}\n"
      "complete -o filenames -F _keelson keelson\n",
      Join(names, " "), cases);
}

// A specification for zsh's _arguments: brackets and colons would end the description.
std::string ZshSpec(const std::string& flag, const std::string& description) {
  std::string safe;
  for (char c : description) {
    if (c == '[' || c == ']' || c == ':') safe += '\\';
    safe += c;
  }
  return Quoted(flag + "[" + safe + "]");
}

std::string Zsh(const std::vector<CommandText>& commands) {
  std::string names;
  std::string cases;
  for (const auto& command : commands) {
    names += "    " + Quoted(command.name + ":" + command.summary) + "\n";
    cases += fmt::format("    {})\n      _arguments", command.name);
    for (const auto& option : command.options) {
      for (const auto& flag : option.flags) cases += " " + ZshSpec(flag, option.description);
    }
    cases += " '*:file:_files' ;;\n";
  }
  return fmt::format(
      "#compdef keelson\n"
      "_keelson() {{\n"
      "  local -a names=(\n{}  )\n"
      "  if (( CURRENT == 2 )); then\n"
      "    _describe command names\n"
      "    return\n"
      "  fi\n"
      "  local name=\"${{words[2]}}\"\n"
      "  shift words\n"
      "  (( CURRENT-- ))\n"
      "  case \"$name\" in\n{}  esac\n"
      "}}\n"
      "compdef _keelson keelson\n",
      names, cases);
}

std::string Fish(const std::vector<CommandText>& commands) {
  std::string script;
  for (const auto& command : commands) {
    script += fmt::format("complete -c keelson -n __fish_use_subcommand -f -a {} -d {}\n", command.name,
                          Quoted(command.summary));
    for (const auto& option : command.options) {
      for (const auto& flag : option.flags) {
        const bool is_long = flag.starts_with("--");
        script += fmt::format("complete -c keelson -n '__fish_seen_subcommand_from {}' {} {} -d {}\n", command.name,
                              is_long ? "-l" : "-s", flag.substr(is_long ? 2 : 1), Quoted(option.description));
      }
    }
  }
  return script;
}

}  // namespace

std::string CommandLineManual(const std::vector<Command>& commands) {
  std::string text =
      "# The command line\n\n"
      "This page is written by `keelson help --markdown`; a test fails when it is not current.\n\n"
      "| command | what it does |\n| --- | --- |\n";
  const auto texts = Texts(commands);
  for (const auto& command : texts)
    text += fmt::format("| [`{0}`](#keelson-{0}) | {1} |\n", command.name, command.summary);
  text += "\n## Exit codes\n\n| code | meaning |\n| --- | --- |\n";
  for (const auto& [code, meaning] : ExitCodeTexts())
    text += fmt::format("| {} | {} |\n", static_cast<int>(code), meaning);
  for (const auto& command : texts) {
    text += fmt::format("\n## keelson {}\n\n{}.\n\n    {}\n\n| option | meaning |\n| --- | --- |\n", command.name,
                        command.summary, Indented(command.example));
    for (const auto& option : command.options) text += fmt::format("| `{}` | {} |\n", option.name, option.description);
  }
  return text;
}

std::string CompletionScript(const std::vector<Command>& commands, std::string_view shell) {
  const auto texts = Texts(commands);
  if (shell == "zsh") return Zsh(texts);
  if (shell == "fish") return Fish(texts);
  return Bash(texts);
}

}  // namespace keelson::app
