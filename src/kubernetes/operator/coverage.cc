#include "kubernetes/operator/coverage.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "kubernetes/client/api_client.h"
#include "kubernetes/operator/quantity.h"

namespace keelson::kubernetes {
namespace {

using nlohmann::json;

bool SaysNothing(const json& value) {
  if (value.is_boolean()) return !value.get<bool>();
  if (value.is_number()) return value == 0;
  if (value.is_string()) return value.get_ref<const std::string&>().empty();
  return value.empty();  // null, [], {}
}

bool Covers(const json& live, const json& wanted);

bool CoversObject(const json& live, const json& wanted) {
  return std::ranges::all_of(wanted.items(), [&](const auto& field) {
    const auto found = live.find(field.key());
    return found == live.end() ? SaysNothing(field.value()) : Covers(*found, field.value());
  });
}

// Others may add to a list of objects (a sidecar, a toleration); what is plain has one owner as a whole.
bool CoversList(const json& live, const json& wanted) {
  const bool of_objects = std::ranges::all_of(wanted, [](const json& item) { return item.is_object(); });
  if (!of_objects || wanted.empty()) {
    return live.size() == wanted.size() &&
           std::ranges::equal(live, wanted, [](const json& a, const json& b) { return Covers(a, b); });
  }
  return std::ranges::all_of(wanted, [&](const json& item) {
    return std::ranges::any_of(live, [&](const json& other) { return Covers(other, item); });
  });
}

bool Covers(const json& live, const json& wanted) {
  if (wanted.is_object() && live.is_object()) return CoversObject(live, wanted);
  if (wanted.is_array() && live.is_array()) return CoversList(live, wanted);
  if (live == wanted) return true;
  return live.is_string() && wanted.is_string() &&
         SameQuantity(live.get_ref<const std::string&>(), wanted.get_ref<const std::string&>());
}

// An item of a list as managedFields name it: k:{"name":"x"} by its keys, v:"x" by its value. A key may be one that the
// API server has filled in, such as the protocol of a port.
bool Names(std::string_view name, const json& item) {
  const json key = json::parse(name.substr(2), nullptr, false);
  if (name.starts_with("v:")) return item == key;
  if (!key.is_object() || !item.is_object()) return false;
  bool said = false;
  for (const auto& [field, value] : key.items()) {
    const auto found = item.find(field);
    if (found == item.end()) continue;
    if (*found != value) return false;
    said = true;
  }
  return said;
}

// Whether every field in `fields` (FieldsV1: "f:name" a member, "k:" and "v:" items, "." itself) is in `wanted`.
bool WantsAll(const json& fields, const json& wanted) {
  return std::ranges::all_of(fields.items(), [&](const auto& field) {
    const std::string& name = field.key();
    if (name == ".") return true;
    if (name.starts_with("f:")) {
      if (!wanted.is_object()) return false;
      const auto found = wanted.find(name.substr(2));
      return found != wanted.end() && WantsAll(field.value(), *found);
    }
    if (!wanted.is_array()) return false;
    const auto found = std::ranges::find_if(wanted, [&](const json& item) { return Names(name, item); });
    return found != wanted.end() && WantsAll(field.value(), *found);
  });
}

bool AppliedNothingElse(const json& live, const json& wanted) {
  for (const json& entry : live.at("metadata").value("managedFields", json::array())) {
    if (entry.value("manager", "") != kFieldManager || entry.value("operation", "") != "Apply") continue;
    if (const auto fields = entry.find("fieldsV1");
        fields != entry.end() && fields->is_object() && !WantsAll(*fields, wanted))
      return false;
  }
  return true;
}

}  // namespace

bool IsAsWanted(const json& live, const json& wanted) {
  return Covers(live, wanted) && AppliedNothingElse(live, wanted);
}

}  // namespace keelson::kubernetes
