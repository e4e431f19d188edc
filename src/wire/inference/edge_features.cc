#include "wire/inference/edge_features.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "io/http.h"

namespace keelson::wire::inference {

bool EndpointFeatures::Splices(std::string_view input) const {
  return std::find(names.begin(), names.end(), input) != names.end();
}

bool EndpointFeatures::IsKey(std::string_view input) const {
  return std::any_of(keys.begin(), keys.end(), [&](const auto& key) { return key.name == input; });
}

Result<std::vector<double>> LookUp(const FeatureLookup& lookup, const std::string& endpoint,
                                   const EndpointFeatures& features, const EntityKeys& keys, Instant time) {
  auto values = lookup(endpoint, keys.cells, keys.rows, time);
  if (values.has_value() && values->size() != keys.rows * features.names.size()) {
    return Fail(ErrorCode::kInternal, "the feature lookup gave another number of values than it was asked for");
  }
  return values;
}

Instant TimeOf(const EndpointDirectory& directory, const std::string& endpoint, std::string_view header) {
  const auto micros = ParseInt(header);
  return directory.RequestTime(endpoint, micros ? std::optional(InstantFromMicros(*micros)) : std::nullopt);
}

std::string KeyNames(const data::Schema& keys) {
  std::string names;
  for (const auto& key : keys) {
    if (!names.empty()) names += ',';
    names += io::PercentEncode(key.name);
  }
  return names;
}

Datatype DatatypeOfKey(data::ColumnType type) {
  switch (type) {
    case data::ColumnType::kBool:
      return Datatype::kBool;
    case data::ColumnType::kInt64:
      return Datatype::kInt64;
    case data::ColumnType::kDouble:
      return Datatype::kFp64;
    case data::ColumnType::kString:
    case data::ColumnType::kTimestamp:
      break;
  }
  return Datatype::kBytes;
}

Error OfGateway(Error error) {
  if (error.code == ErrorCode::kResourceExhausted) error.code = ErrorCode::kUnavailable;
  return error;
}

Error NoSuchModel(std::string_view name) {
  return {ErrorCode::kNotFound, fmt::format("Model with name {} does not exist.", name.substr(0, 200)), ""};
}

}  // namespace keelson::wire::inference
