#include "wire/mlflow/content_type.h"

#include <array>
#include <utility>

#include "base/strings.h"

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
  if (path.ends_with("MLmodel") || path.ends_with(".py")) return "text/plain";
  return "application/octet-stream";
}

}  // namespace keelson::wire::mlflow
