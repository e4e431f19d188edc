#include "wire/mlflow/content_type.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/strings.h"
#include "io/http.h"

namespace keelson::wire::mlflow {

std::string_view ContentTypeOf(std::string_view path) {
  using Pair = std::pair<std::string_view, std::string_view>;
  static constexpr std::array kTypes = {
      Pair{".json", "application/json"}, Pair{".csv", "text/csv"},      Pair{".html", "text/html"},
      Pair{".txt", "text/plain"},        Pair{".log", "text/plain"},    Pair{".md", "text/plain"},
      Pair{".yaml", "text/plain"},       Pair{".yml", "text/plain"},    Pair{".png", "image/png"},
      Pair{".jpg", "image/jpeg"},        Pair{".svg", "image/svg+xml"}, Pair{".pdf", "application/pdf"},
      Pair{".js", "text/javascript"},    Pair{".css", "text/css"},      Pair{".ico", "image/x-icon"},
      Pair{".gif", "image/gif"},         Pair{".webp", "image/webp"},   Pair{".woff", "font/woff"},
      Pair{".woff2", "font/woff2"},      Pair{".ttf", "font/ttf"},      Pair{".wasm", "application/wasm"},
      Pair{".mjs", "text/javascript"}};
  const std::string lower = ToLower(path);
  for (const auto& [end, type] : kTypes) {
    if (lower.ends_with(end)) return type;
  }
  return "application/octet-stream";
}

std::string_view ArtifactTypeOf(std::string_view path) {
  constexpr auto kTexts = std::to_array<std::string_view>(
      {"txt",  "log",   "err",  "cfg",  "conf", "cnf",   "cf",      "ini",      "properties",
       "prop", "hocon", "toml", "yaml", "yml",  "xml",   "json",    "js",       "py",
       "py3",  "csv",   "tsv",  "md",   "rst",  "ipynb", "MLmodel", "mlproject"});
  const std::string_view name = path.substr(path.rfind('/') + 1);
  const std::size_t dot = name.find_last_of('.');
  const bool has_end = dot != std::string_view::npos && name.find_first_not_of('.') < dot;
  const std::string_view end = has_end && dot + 1 < name.size() ? name.substr(dot + 1) : name;
  return std::ranges::find(kTexts, end) != kTexts.end() ? "text/plain" : ContentTypeOf(path);
}

std::string AttachmentOf(std::string_view path) {
  constexpr std::string_view kOfTokens = "!#$%&'*+-.^_`|~";
  const std::string_view name = path.substr(path.rfind('/') + 1);
  std::string plain;
  bool token = !name.empty();
  for (const char c : name) {
    if (c < 0x20 || c > 0x7e) continue;  // control characters, and all beyond ASCII
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    token = token && (letter || kOfTokens.contains(c));
    if (c == '"' || c == '\\') plain += '\\';
    plain += c;
  }
  const bool whole = std::ranges::all_of(name, [](char c) { return c >= 0x20 && c <= 0x7e; });
  if (plain.empty() && !name.empty()) plain = "download";
  std::string header = "attachment; filename=" + (token ? plain : '"' + plain + '"');
  if (!whole) header += "; filename*=UTF-8''" + io::PercentEncode(name);
  return header;
}

}  // namespace keelson::wire::mlflow
