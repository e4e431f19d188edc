#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "data/table.h"
#include "wire/inference/entity_keys.h"
#include "wire/inference/tensor.h"

// What the server's edge does with an endpoint's features, whatever protocol a request comes by.
namespace keelson::wire::inference {

// What the edge must know of one endpoint. Immutable.
struct EndpointFeatures {
  data::Schema keys;               // request columns that carry entity keys: kString, kInt64, kDouble or kBool
  std::vector<std::string> names;  // the features to splice in, one FP32 tensor each

  bool Splices(std::string_view input) const;  // whether it is one of the names
  bool IsKey(std::string_view input) const;
};

// The endpoints of the server, given by control. Called from I/O threads: thread-safe, and soon back.
class EndpointDirectory {
 public:
  virtual ~EndpointDirectory() = default;
  virtual std::vector<std::string> Names() const = 0;
  // Null when there is no such endpoint; without keys and names when its requests pass untouched.
  virtual std::shared_ptr<const EndpointFeatures> Find(const std::string& endpoint) const = 0;
  // The project's clock for a request that comes now; `asked` is what its x-keelson-time header says, if it has one.
  virtual Instant RequestTime(const std::string& endpoint, std::optional<Instant> asked) const = 0;
};

// The features of `rows` entities at `time`: `keys` has, row by row, the cells of EndpointFeatures::keys (null:
// monostate); the answer, row by row, one number a feature in the order of names, NaN for null. Like
// features::OnlineFeatures::Lookup.
using FeatureLookup = std::function<Result<std::vector<double>>(
    const std::string& endpoint, std::span<const data::Value> keys, std::size_t rows, Instant time)>;

// Asks for the features of a request's entities. kInternal when there come more or fewer than were asked for.
Result<std::vector<double>> LookUp(const FeatureLookup& lookup, const std::string& endpoint,
                                   const EndpointFeatures& features, const EntityKeys& keys, Instant time);

// When a request takes place, by what its x-keelson-time says ("" for nothing).
Instant TimeOf(const EndpointDirectory& directory, const std::string& endpoint, std::string_view header);

// The names of the entity keys for the header x-keelson-keys: percent-encoded, separated by commas.
std::string KeyNames(const data::Schema& keys);

// How an entity key is asked for, whether or not the model reads it itself.
Datatype DatatypeOfKey(data::ColumnType type);

// What the edge says, by whatever protocol it is asked.
inline constexpr std::array<std::string_view, 5> kEdgeExtensions = {
    "binary_tensor_data", "schedule_policy", "statistics", "model_repository", "model_configuration"};
inline constexpr std::string_view kNotYoursToLoad =
    "the versions behind an endpoint are loaded and unloaded by the server: use keelson promote, keelson rollback or "
    "keelson delete";
inline constexpr std::string_view kNameAModel = "statistics are those of the replica that answers: name a model";

// What the gateway itself refuses is refused for want of a replica, not because one asked too much.
Error OfGateway(Error error);

// kNotFound, in KServe's words.
Error NoSuchModel(std::string_view name);

}  // namespace keelson::wire::inference
