#include "training/checkpoint.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "base/log.h"
#include "io/files.h"

namespace keelson::training {
namespace {

std::string StatePath(const std::string& folder) {
  return folder + "/state.json";
}
std::string ModelName(int rounds) {
  return fmt::format("model-{:06}.ubj", rounds);
}

std::optional<Checkpoint> Aside(const std::string& folder, std::string_view why) {
  LogInfo("a checkpoint is left aside", {{"folder", folder}, {"why", why}});
  return std::nullopt;
}

}  // namespace

Status WriteCheckpoint(const std::string& folder, const std::string& identity, const Checkpoint& checkpoint) {
  KEELSON_RETURN_IF_ERROR(io::MakeFolders(folder));
  const std::string name = ModelName(checkpoint.rounds);
  KEELSON_RETURN_IF_ERROR(io::WriteFileAtomically(folder + "/" + name, checkpoint.model));
  const nlohmann::ordered_json state = {{"identity", identity},
                                        {"rounds", checkpoint.rounds},
                                        {"model", name},
                                        {"sha256", Sha256::Hex(checkpoint.model)}};
  KEELSON_RETURN_IF_ERROR(io::WriteFileAtomically(StatePath(folder), state.dump(2) + "\n"));
  KEELSON_ASSIGN_OR_RETURN(const std::vector<std::string> names, io::ListFolder(folder));
  for (const std::string& each : names) {
    if (each.starts_with("model-") && each != name) KEELSON_RETURN_IF_ERROR(io::RemoveTree(folder + "/" + each));
  }
  return {};
}

Result<std::optional<Checkpoint>> ReadCheckpoint(const std::string& folder, const std::string& identity,
                                                 int at_most_rounds) {
  if (!io::Exists(StatePath(folder))) return std::nullopt;
  KEELSON_ASSIGN_OR_RETURN(const std::string text, io::ReadFile(StatePath(folder), 1 << 20));
  const nlohmann::json state = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!state.is_object() || !state.contains("identity") || !state["identity"].is_string() ||
      !state.contains("rounds") || !state["rounds"].is_number_integer() || !state.contains("sha256") ||
      !state["sha256"].is_string()) {
    return Aside(folder, "state.json is damaged");
  }
  if (state["identity"].get<std::string>() != identity) return Aside(folder, "it is of other data or parameters");
  Checkpoint checkpoint{state["rounds"].get<int>(), {}};
  if (checkpoint.rounds < 1 || checkpoint.rounds > at_most_rounds) {
    return Aside(folder, fmt::format("it has {} rounds of at most {}", checkpoint.rounds, at_most_rounds));
  }
  auto model = io::ReadFile(folder + "/" + ModelName(checkpoint.rounds));
  if (!model.has_value()) return Aside(folder, model.error().ToString());
  if (Sha256::Hex(*model) != state["sha256"].get<std::string>()) return Aside(folder, "the model's bytes have changed");
  checkpoint.model = *std::move(model);
  return checkpoint;
}

}  // namespace keelson::training
