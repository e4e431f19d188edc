#include "wire/inference/mlflow_scoring.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "wire/inference/answer.h"
#include "wire/inference/prediction.h"

namespace keelson::wire::inference {
namespace {

using serving::JsonCursor;
using serving::ValueKind;

constexpr std::array<std::string_view, 4> kFormats = {"dataframe_split", "dataframe_records", "instances", "inputs"};
constexpr std::string_view kRequired =
    "The input must be a JSON dictionary with exactly one of the input fields {'dataframe_split', 'dataframe_records', "
    "'instances', 'inputs'}";

std::unexpected<Error> Invalid(std::string_view message) {
  return Fail(ErrorCode::kInvalidArgument, fmt::format("Invalid input. {}", message));
}

std::unexpected<Error> Malformed(const JsonCursor& cursor) {
  return Invalid(fmt::format("Ensure that input is a valid JSON formatted string. Error: at byte {}: {}",
                             cursor.problem_offset(), cursor.problem()));
}

}  // namespace

Result<std::string> ScoringType(std::string_view header) {
  const auto refuse = [](std::string message) { return Fail(ErrorCode::kUnsupported, std::move(message)); };
  const auto parts = Split(header, ';');
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const std::string_view part = Trim(parts[i]);
    const std::size_t equals = std::min(part.find('='), part.size());
    const std::string_view name = part.substr(0, equals);
    if (name != "charset") return refuse(fmt::format("Unrecognized content type parameters: {}.", name));
    if (ToLower(part.substr(std::min(equals + 1, part.size()))) != "utf-8") {
      return refuse("The scoring server only supports UTF-8");
    }
  }
  std::string type(parts.empty() ? "" : Trim(parts[0]));
  if (type == "text/csv" || type == "application/json") return type;
  return refuse(
      fmt::format("This predictor only supports the following content types: Types: ['text/csv', "
                  "'application/json']. Got '{}'.",
                  header.substr(0, 200)));
}

namespace {

// XGBoost's own flags of predict, by our name.
std::string_view OurName(std::string_view flag) {
  if (flag == "output_margin") return "margin";
  if (flag == "pred_leaf") return "leaves";
  return flag == "pred_contribs" ? "contributions" : "";
}

Status ReadParams(JsonCursor& cursor, const std::optional<serving::MlflowSignature>& signature, std::string* predict) {
  const std::vector<std::string> allowed = signature ? signature->params : std::vector<std::string>{};
  if (cursor.Peek() != ValueKind::kObject) {
    if (allowed.empty() || cursor.Peek() == ValueKind::kNull) return {};
    return Fail(ErrorCode::kFailedPrecondition, "Parameters must be a dictionary.");
  }
  std::string_view name;
  if (!cursor.EnterObject()) return Malformed(cursor);
  while (cursor.NextKey(&name)) {
    const std::string_view ours = OurName(name);
    if (name == "predict" && cursor.Peek() == ValueKind::kString) {
      if (!cursor.ReadString(predict)) return Malformed(cursor);
    } else if (!ours.empty() && std::find(allowed.begin(), allowed.end(), name) != allowed.end()) {
      if (cursor.Peek() != ValueKind::kBool) {
        return Fail(ErrorCode::kFailedPrecondition,
                    fmt::format("Invalid parameters found: {} must be true or false", name));
      }
      bool value = false;
      if (!cursor.ReadBool(&value)) return Malformed(cursor);
      if (value) *predict = ours;
    } else if (!cursor.Skip()) {
      return Malformed(cursor);
    }
  }
  return {};
}

Status ReadData(std::string_view format, JsonCursor& cursor, RowTable* table) {
  if (format == "dataframe_split") return ReadSplit(cursor, table);
  if (format == "dataframe_records") {
    if (cursor.Peek() != ValueKind::kArray) {
      return Fail(ErrorCode::kInvalidArgument, "Dataframe records format must be a list of records.");
    }
    return ReadRows(cursor, table);
  }
  if (format == "inputs" && cursor.Peek() == ValueKind::kObject) return ReadColumns(cursor, table);
  KEELSON_RETURN_IF_ERROR(ReadRows(cursor, table));
  if (format == "instances" && table->ragged()) {
    return Fail(ErrorCode::kInvalidArgument, "The length of values for each input/column name are not the same");
  }
  return {};
}

}  // namespace

Result<ScoringBody> OpenScoringBody(std::string_view body) {
  if (!IsValidUtf8(body)) {
    return Invalid("Ensure that input is a valid JSON formatted string. Error: it is not valid UTF-8");
  }
  JsonCursor cursor(body);
  if (cursor.Peek() != ValueKind::kObject) {
    const ValueKind kind = cursor.Peek();
    if (!cursor.Skip() || !cursor.Finish()) return Malformed(cursor);
    if (kind == ValueKind::kArray) return Invalid(fmt::format("{}. Received a list.", kRequired));
    return Invalid(fmt::format("{}. Received unexpected input type.", kRequired));
  }
  struct Found {
    std::string format;
    std::size_t offset;
  };
  std::vector<Found> found;
  std::optional<std::size_t> params;
  std::string_view key;
  if (!cursor.EnterObject()) return Malformed(cursor);
  while (cursor.NextKey(&key)) {
    const bool is_format = std::find(kFormats.begin(), kFormats.end(), key) != kFormats.end();
    const bool is_params = key == "params";
    std::string name(key.substr(0, 40));
    const std::size_t offset = cursor.ValueOffset();
    if (is_params) params = offset;
    if (is_format) found.push_back({std::move(name), offset});
    if (!cursor.Skip()) return Malformed(cursor);
  }
  if (!cursor.Finish()) return Malformed(cursor);
  if (found.size() != 1) {
    std::vector<std::string_view> names;
    for (const auto& each : found) names.push_back(each.format);
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{}. Received dictionary with input fields: [{}].", kRequired, fmt::join(names, ", ")));
  }
  return ScoringBody{std::move(found[0].format), found[0].offset, params};
}

Status ReadScoringRows(std::string_view body, const ScoringBody& opened, RowTable* table) {
  JsonCursor at(body.substr(opened.data));
  if (const auto read = ReadData(opened.format, at, table); !read) return Invalid(read.error().message);
  return {};
}

Status ReadScoringCsv(std::string_view body, RowTable* table) {
  if (!IsValidUtf8(body)) return Invalid("Ensure that input is a valid UTF-8 encoded string.");
  if (const auto read = ReadCsv(body, table); !read) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("Failed to parse input as a Pandas DataFrame. Ensure that the input is a valid "
                            "CSV-formatted Pandas DataFrame produced using the `pandas.DataFrame.to_csv()` method. "
                            "Error: '{}'",
                            read.error().message));
  }
  return {};
}

Result<ScoringRequest> ReadScoringRequest(std::string_view content_type, std::string_view body,
                                          const std::optional<serving::MlflowSignature>& signature,
                                          const TensorLimits& limits) {
  KEELSON_ASSIGN_OR_RETURN(const auto type, ScoringType(content_type));
  ScoringRequest request{RowTable(limits)};
  if (type == "text/csv") {
    KEELSON_RETURN_IF_ERROR(ReadScoringCsv(body, &request.table));
    return request;
  }
  KEELSON_ASSIGN_OR_RETURN(const auto opened, OpenScoringBody(body));
  if (opened.params) {
    JsonCursor at(body.substr(*opened.params));
    KEELSON_RETURN_IF_ERROR(ReadParams(at, signature, &request.predict));
  }
  KEELSON_RETURN_IF_ERROR(ReadScoringRows(body, opened, &request.table));
  return request;
}

std::string WriteScoringAnswer(std::span<const float> values, std::span<const std::int64_t> shape) {
  std::string body = "{\"predictions\": ";
  AppendNested(values, shape, /*constants=*/true, &body);
  return body + "}";
}

io::HttpResponse ScoringError(const Error& error) {
  io::HttpResponse response;
  std::string_view code = "BAD_REQUEST";
  std::string message = error.message;
  switch (error.code) {
    case ErrorCode::kUnsupported:
      response.status = 415;
      response.content_type = "text/plain; charset=utf-8";
      response.body = error.message;
      return response;
    case ErrorCode::kInvalidArgument:
      response.status = 400;
      break;
    case ErrorCode::kFailedPrecondition:
      response.status = 400;
      code = "INVALID_PARAMETER_VALUE";
      message = fmt::format("Failed to enforce schema of data. Error: {}", error.message);
      break;
    case ErrorCode::kNotFound:
      response.status = 404;
      code = "RESOURCE_DOES_NOT_EXIST";
      break;
    case ErrorCode::kDeadlineExceeded:
      response.status = 504;
      code = "DEADLINE_EXCEEDED";
      break;
    case ErrorCode::kResourceExhausted:
      response.status = 429;
      code = "REQUEST_LIMIT_EXCEEDED";
      response.headers.emplace_back("retry-after", "1");
      break;
    case ErrorCode::kUnavailable:
      response.status = 503;
      code = "TEMPORARILY_UNAVAILABLE";
      response.headers.emplace_back("retry-after", "1");
      break;
    default:
      response.status = 500;
      code = "INTERNAL_ERROR";
  }
  response.body = fmt::format("{{\"error_code\": \"{}\", \"message\": {}}}", code, JsonString(message));
  return response;
}

}  // namespace keelson::wire::inference
