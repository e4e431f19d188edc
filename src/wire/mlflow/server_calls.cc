// What the server says of itself, and the names that it gives.
#include <fmt/format.h>

#include <array>

#include "base/random.h"
#include "base/strings.h"
#include "wire/mlflow/answer.h"
#include "wire/mlflow/services.h"

namespace keelson::wire::mlflow {

Answered ServerInfo(Services& services, const Asked&) {
  const bool remote = services.artifacts->remote() != nullptr;
  JsonWriter json;
  json.Open('{').Text("store_type", "SqlStore");
  json.Key("workspaces_enabled").Bool(false).Key("trace_archival_enabled").Bool(false);
  json.Key("multipart_uploads_enabled").Bool(remote).Key("multipart_downloads_enabled").Bool(remote);
  json.Key("presigned_upload_run_id_supported").Bool(false).Key("presigned_upload_model_id_supported").Bool(false);
  json.Key("features_enabled").Open('{').Key("gateway").Bool(false).Close('}');
  return JsonAnswer(json.Close('}').Take());
}

std::string RandomName() {
  constexpr std::array<std::string_view, 24> kKinds = {
      "amber", "brisk", "calm",  "clear", "deft",  "early", "even",  "fair",   "fleet", "gentle", "keen", "light",
      "merry", "neat",  "plain", "quick", "quiet", "ready", "sharp", "steady", "swift", "tidy",   "warm", "wide"};
  constexpr std::array<std::string_view, 24> kThings = {
      "anchor", "bay",   "beacon", "bow",  "breeze", "buoy", "cape",  "cove", "crest",  "deck", "fjord", "gull",
      "harbor", "heron", "hull",   "keel", "lagoon", "mast", "otter", "reef", "rudder", "sail", "tern",  "tide"};
  const std::string id = RandomId();  // 32 hexadecimal digits
  const auto pick = [&](std::size_t from, std::size_t below) {
    std::size_t number = 0;
    for (const char c : id.substr(from, 8)) {
      number = number * 16 + static_cast<std::size_t>(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    return number % below;
  };
  return fmt::format("{}-{}-{}", kKinds[pick(0, kKinds.size())], kThings[pick(8, kThings.size())], pick(16, 1000));
}

}  // namespace keelson::wire::mlflow
