#include "wire/mlflow/limits.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <clocale>
#include <cmath>
#include <cwctype>
#include <nlohmann/json.hpp>
#include <set>

#include "base/strings.h"
#include "io/http.h"
#include "tracking/python_json.h"
#include "tracking/python_text.h"
#include "tracking/trace_records.h"

namespace keelson::wire::mlflow {
namespace {

constexpr std::size_t kKey = 250;
constexpr std::size_t kParamValue = 6000;
constexpr std::size_t kTagValue = 8000;
constexpr std::size_t kExperimentTagValue = 20'000;
constexpr std::size_t kModelTagValue = 100'000;
constexpr std::size_t kExperimentName = 500;
constexpr std::size_t kAliasLength = 255;
constexpr std::size_t kSessionId = 250;
constexpr std::size_t kTraceName = 4096;
constexpr std::size_t kBatch = 1000;
constexpr std::size_t kBatchPairs = 100;

std::unexpected<Error> Invalid(std::string message) {
  return Fail(ErrorCode::kInvalidArgument, std::move(message));
}

// As Python's json writes it: ASCII only.
std::string Quoted(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

// The code point that `text` begins with, which goes; `text` is UTF-8 and not empty.
char32_t TakeCharacter(std::string_view& text) {
  const auto first = static_cast<unsigned char>(text.front());
  const std::size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  char32_t c = length == 1 ? first : first & (0x7fu >> length);
  for (std::size_t i = 1; i < length && i < text.size(); ++i)
    c = (c << 6) | (static_cast<unsigned char>(text[i]) & 0x3f);
  text.remove_prefix(std::min(length, text.size()));
  return c;
}

// Letters and digits of any script, and '_'.
bool IsWordCharacter(char32_t c) {
  static const locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  if (c == '_') return true;
  return iswalnum_l(static_cast<wint_t>(c), locale) != 0;
}

bool HasOnly(std::string_view text, std::string_view others) {
  while (!text.empty()) {
    const char32_t c = TakeCharacter(text);
    if (!IsWordCharacter(c) && (c >= 0x80 || !others.contains(static_cast<char>(c)))) return false;
  }
  return true;
}

// As Python's posixpath.normpath.
std::string Normalized(std::string_view path) {
  if (path.empty()) return ".";
  const std::string root = path.starts_with("//") && !path.starts_with("///") ? "//" : path.starts_with('/') ? "/" : "";
  std::vector<std::string> parts;
  for (const std::string_view part : Split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part != ".." || (root.empty() && parts.empty()) || (!parts.empty() && parts.back() == "..")) {
      parts.emplace_back(part);
    } else if (!parts.empty()) {
      parts.pop_back();
    }
  }
  const std::string joined = root + Join(parts, "/");
  return joined.empty() ? "." : joined;
}

bool ResolvesElsewhere(std::string_view name) {
  const std::string normal = Normalized(name);
  return normal != name || normal == "." || normal.starts_with("..") || normal.starts_with('/');
}

std::unexpected<Error> BadPath(std::string_view path, std::string_view name) {
  return Invalid(
      fmt::format("Invalid value {} for parameter '{}' supplied: Names may be treated as files in certain cases, and "
                  "must not resolve to other names when treated as such. This name would resolve to {}",
                  Quoted(name), path, tracking::PythonText(Normalized(name))));
}

std::string Under(std::string_view path, std::string_view name) {
  return path.empty() ? std::string(name) : fmt::format("{}.{}", path, name);
}

std::optional<std::int64_t> PythonInt(std::string_view text) {
  text = Trim(text);
  if (text.starts_with('+')) text.remove_prefix(1);
  return ParseInt(text);
}

}  // namespace

void CutTo(std::string& text, std::size_t at_most) {
  text.resize(tracking::FirstCharacters(text, at_most).size());
}

std::size_t CharactersIn(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

Status CheckKey(std::string_view path, std::string_view key) {
  if (!HasOnly(key, "/.- :")) {
    return Invalid(
        fmt::format("Invalid value {} for parameter '{}' supplied: Names may only contain alphanumerics, "
                    "underscores (_), dashes (-), periods (.), spaces ( ), colon(:) and slashes (/).",
                    Quoted(key), path));
  }
  if (ResolvesElsewhere(key)) return BadPath(path, key);
  return {};
}

Status CheckLength(std::string_view what, std::size_t at_most, std::string_view text) {
  if (CharactersIn(text) <= at_most) return {};
  return Invalid(fmt::format("'{}' exceeds the maximum length of {} characters", what, at_most));
}

Status CheckMetric(const tracking::MetricPoint& metric, std::string_view path) {
  KEELSON_RETURN_IF_ERROR(CheckKey(Under(path, "name"), metric.key));
  if (metric.time_ms < 0) {
    return Invalid(
        fmt::format("Invalid value {} for parameter '{}' supplied: metric '{}' (value={}). Timestamp must be "
                    "a nonnegative long (64-bit integer) ",
                    metric.time_ms, Under(path, "timestamp"), metric.key, tracking::PythonFloat(metric.value)));
  }
  return CheckLength("Metric name", kKey, metric.key);
}

Status CheckParam(std::string_view key, std::string_view path) {
  KEELSON_RETURN_IF_ERROR(CheckKey(Under(path, "key"), key));
  return CheckLength("Param key", kKey, key);
}

Status CheckTag(std::string_view key, std::string_view path) {
  KEELSON_RETURN_IF_ERROR(CheckKey(Under(path, "key"), key));
  return CheckLength(Under(path, "key"), kKey, key);
}

void CutParam(std::string& value) {
  CutTo(value, kParamValue);
}

void CutTag(std::string& value) {
  CutTo(value, kTagValue);
}

Status CheckTraceName(std::string_view name) {
  return CheckLength("Trace name", kTraceName, name);
}

Status CheckTrace(const tracking::Pairs& tags, const tracking::Pairs& metadata) {
  using tracking::TraceRecord;
  KEELSON_RETURN_IF_ERROR(CheckTraceName(TraceRecord::Find(tags, tracking::kTraceName).value_or("")));
  return CheckLength("Session ID", kSessionId, TraceRecord::Find(metadata, tracking::kTraceSession).value_or(""));
}

Status CheckExperimentTag(std::string_view key, std::string_view value) {
  KEELSON_RETURN_IF_ERROR(CheckKey("key", key));
  KEELSON_RETURN_IF_ERROR(CheckLength("key", kKey, key));
  return CheckLength("value", kExperimentTagValue, value);
}

Status CheckModelTag(std::string_view key, std::string_view value) {
  KEELSON_RETURN_IF_ERROR(CheckKey("key", key));
  KEELSON_RETURN_IF_ERROR(CheckLength("key", kKey, key));
  return CheckLength("value", kModelTagValue, value);
}

Status CheckExperimentName(std::string_view name) {
  return CheckLength("name", kExperimentName, name);
}

Status CheckModelName(std::string_view name) {
  if (Trim(name).empty()) return Invalid("Missing value for required parameter 'name'.");
  if (name.find_first_of("/:") != std::string_view::npos) {
    return Invalid(fmt::format("Invalid model name '{}'. Names cannot contain '/' or ':'.", name));
  }
  if (ResolvesElsewhere(name)) return BadPath("name", name);
  return {};
}

Status CheckLoggedModelName(std::string_view name) {
  if (name.find_first_of("/:.%\"'") == std::string_view::npos) return {};
  return Invalid(
      fmt::format("Invalid model name ({}) provided. Model name must be a non-empty string and cannot contain the "
                  "following characters: ('/', ':', '.', '%', '\"', \"'\")",
                  tracking::PythonText(name)));
}

Status CheckAlias(std::string_view alias) {
  if (alias.empty()) return Invalid("Registered model alias name cannot be empty.");
  if (!HasOnly(alias, "-")) {
    return Invalid(
        fmt::format("Invalid alias name: '{}'. Names may only contain alphanumerics, underscores (_), and "
                    "dashes (-).",
                    alias));
  }
  return CheckLength("Registered model alias name", kAliasLength, alias);
}

Status CheckAliasToSet(std::string_view alias) {
  KEELSON_RETURN_IF_ERROR(CheckAlias(alias));
  if (ToLower(alias) == "latest") return Invalid("'latest' alias name (case insensitive) is reserved.");
  const bool version = alias.size() > 1 && (alias[0] == 'v' || alias[0] == 'V') &&
                       alias.find_first_not_of("0123456789", 1) == std::string_view::npos;
  if (version) return Invalid(fmt::format("Version alias name '{}' is reserved.", alias));
  return {};
}

Status CheckRunId(std::string_view id) {
  const auto alphanumeric = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  if (!id.empty() && alphanumeric(id[0]) && CharactersIn(id) <= 256 && HasOnly(id, "-")) return {};
  return Invalid(fmt::format("Invalid value {} for parameter 'run_id' supplied.", Quoted(id)));
}

Status CheckDataset(const tracking::DatasetRecord& dataset) {
  KEELSON_RETURN_IF_ERROR(CheckLength("name", 500, dataset.name));
  KEELSON_RETURN_IF_ERROR(CheckLength("digest", 36, dataset.digest));
  KEELSON_RETURN_IF_ERROR(CheckLength("source", 65'535, dataset.source));
  KEELSON_RETURN_IF_ERROR(CheckLength("schema", 1'048'575, dataset.schema.value_or("")));
  KEELSON_RETURN_IF_ERROR(CheckLength("profile", 16'777'215, dataset.profile.value_or("")));
  for (const auto& [key, value] : dataset.tags) {
    KEELSON_RETURN_IF_ERROR(CheckLength("key", 255, key));
    KEELSON_RETURN_IF_ERROR(CheckLength("value", 500, value));
  }
  return {};
}

Status CheckBatch(std::size_t metrics, const tracking::Pairs& params, std::size_t tags) {
  const auto check = [](std::string_view what, std::size_t at_most, std::size_t count) -> Status {
    if (count <= at_most) return {};
    return Invalid(
        fmt::format("A batch logging request can contain at most {0} {1}. Got {2} {1}. Please split up {1} "
                    "across multiple requests and try again.",
                    at_most, what, count));
  };
  KEELSON_RETURN_IF_ERROR(check("metrics", kBatch, metrics));
  KEELSON_RETURN_IF_ERROR(check("params", kBatchPairs, params.size()));
  KEELSON_RETURN_IF_ERROR(check("tags", kBatchPairs, tags));
  KEELSON_RETURN_IF_ERROR(check("metrics, params, and tags", kBatch, metrics + params.size() + tags));
  std::set<std::string_view> seen;
  std::vector<std::string> twice;
  for (const auto& [key, value] : params) {
    if (!seen.insert(key).second) twice.push_back(tracking::PythonText(key));
  }
  if (twice.empty()) return {};
  return Invalid(
      fmt::format("Duplicate parameter keys have been submitted: [{}]. Please ensure the request contains "
                  "only one param value per param key.",
                  fmt::join(twice, ", ")));
}

Result<std::int64_t> ExperimentNumber(std::string_view id) {
  if (id.empty()) return 0;  // the default experiment
  if (const auto number = PythonInt(id)) return *number;
  return Invalid(fmt::format("Invalid experiment ID '{}'. Experiment ID must be a valid integer.", id));
}

Result<std::vector<std::int64_t>> ExperimentNumbers(const std::vector<std::string>& ids) {
  std::vector<std::int64_t> numbers;
  for (const auto& id : ids) {
    const auto number = PythonInt(id);
    if (!number) return Invalid(fmt::format("Invalid experiment ID '{}'. Experiment ID must be a valid integer.", id));
    numbers.push_back(*number);
  }
  return numbers;
}

Result<std::int64_t> VersionNumber(std::string_view version) {
  if (const auto number = PythonInt(version)) return *number;
  return Invalid(fmt::format("Parameter 'version' must be an integer, got '{}'.", version));
}

Result<std::string> CanonicalStage(std::string_view stage) {
  constexpr std::array<std::string_view, 4> kStages = {"None", "Staging", "Production", "Archived"};
  for (const std::string_view each : kStages) {
    if (ToLower(each) == ToLower(stage)) return std::string(each);
  }
  return Invalid(
      fmt::format("Invalid Model Version stage: {}. Value must be one of {}.", stage, fmt::join(kStages, ", ")));
}

Result<std::string> SafePath(std::string_view path) {
  std::string decoded(path);
  for (std::string once = io::PercentDecode(decoded); once != decoded; once = io::PercentDecode(decoded))
    decoded = once;
  const auto parts = Split(decoded, '/');
  const bool drive = decoded.size() >= 2 && decoded[1] == ':';  // absolute on Windows, whose clients there are too
  const bool bad = decoded.contains('#') || decoded.contains('\\') || decoded.contains('\0') ||
                   decoded.starts_with('/') || decoded.starts_with("file:") ||
                   (drive && decoded.size() > 2 && decoded[2] == '/') || !IsValidUtf8(decoded) ||
                   std::ranges::find(parts, "..") != parts.end();
  if (bad) return Invalid("Invalid path");
  // As paths are joined: "./a//b/" is "a/b".
  std::vector<std::string> kept;
  for (const auto part : parts) {
    if (!part.empty() && part != ".") kept.emplace_back(part);
  }
  return Join(kept, "/");
}

}  // namespace keelson::wire::mlflow
