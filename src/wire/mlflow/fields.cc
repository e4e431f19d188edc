#include "wire/mlflow/fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/strings.h"

namespace keelson::wire::mlflow {

tracking::View ViewOf(const Message& message, std::string_view name) {
  switch (message.Int(name, 1)) {
    case 2:
      return tracking::View::kDeletedOnly;
    case 3:
      return tracking::View::kAll;
    default:
      return tracking::View::kActiveOnly;
  }
}

Result<tracking::Search> ReadSearch(const Message& message, Searched searched, std::int64_t default_size) {
  tracking::Search search;
  KEELSON_ASSIGN_OR_RETURN(search.conditions, ParseFilter(message.Text("filter"), searched));
  KEELSON_ASSIGN_OR_RETURN(search.order, ParseOrders(message.Texts("order_by"), searched));
  search.at_most = message.Int("max_results", default_size);
  search.page = message.Text("page_token");
  return search;
}

Status CheckPageSize(std::int64_t size) {
  if (size < 1) {
    return Fail(
        ErrorCode::kInvalidArgument,
        fmt::format("Invalid value {} for parameter 'max_results' supplied. It must be a positive integer", size));
  }
  if (size > 50'000) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("Invalid value {} for parameter 'max_results' supplied. It must be at most 50000", size));
  }
  return {};
}

Status CheckHost(std::string_view field, std::string_view uri) {
  constexpr std::array<std::string_view, 10> kHosts = {"http",   "https", "ftp", "sftp",  "hdfs",
                                                       "viewfs", "r2",    "b2",  "abfss", "mlflow-artifacts"};
  const std::string scheme = ToLower(uri.substr(0, uri.find("://")));
  if (!uri.contains("://") || std::ranges::find(kHosts, scheme) == kHosts.end()) return {};
  return Fail(
      ErrorCode::kInvalidArgument,
      fmt::format("'{0}' cannot use the '{1}' scheme: the '{1}' scheme addresses a host other than the tracking "
                  "server's configured artifact storage, so the server would connect to the host named in the "
                  "URI. Set the MLFLOW_ALLOWED_HOST_ADDRESSED_ARTIFACT_SCHEMES environment variable on the "
                  "server to allow it.",
                  field, scheme));
}

Status CheckLocation(std::string_view field, std::string_view location) {
  constexpr std::size_t kLongest = 2048;
  const auto invalid = [](std::string message) { return Fail(ErrorCode::kInvalidArgument, std::move(message)); };
  if (location.find_first_of("#;") != std::string_view::npos) {
    return invalid(fmt::format("'{}' URL can't include fragments or params.", field));
  }
  if (location.contains('?') && location.substr(location.find('?')).contains("..")) {
    return invalid("Invalid query string");
  }
  KEELSON_RETURN_IF_ERROR(CheckHost(field, location));
  if (location.starts_with("runs:")) {
    return invalid(fmt::format("Artifact location cannot be a runs:/ URI. Given: '{}'", location));
  }
  if (location.size() <= kLongest) return {};
  return invalid(
      fmt::format("Invalid artifact path length. The length of the artifact path cannot be greater than {} characters. "
                  "To configure this limit, please set the MLFLOW_ARTIFACT_LOCATION_MAX_LENGTH environment variable.",
                  kLongest));
}

}  // namespace keelson::wire::mlflow
