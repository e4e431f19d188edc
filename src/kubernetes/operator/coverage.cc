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

const json* Below(const json* fields, const std::string& name) {
  if (fields == nullptr || !fields->is_object()) return nullptr;
  const auto found = fields->find(name);
  return found == fields->end() ? nullptr : &*found;
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

// A list whose items each have their own manager, so that others may add some: we manage single items of it.
bool IsShared(const json* fields) {
  return fields != nullptr && fields->is_object() && std::ranges::any_of(fields->items(), [](const auto& field) {
           return field.key().starts_with("k:") || field.key().starts_with("v:");
         });
}

const json* FieldsOf(const json* list, const json& item) {
  if (!IsShared(list)) return nullptr;
  for (auto each = list->begin(); each != list->end(); ++each) {
    if (each.key().starts_with("k:") && Names(each.key(), item)) return &*each;
  }
  return nullptr;
}

// `fields`: what we manage of it (FieldsV1); null where that is nothing, or not told.
bool Covers(const json& live, const json& wanted, const json* fields);

bool CoversObject(const json& live, const json& wanted, const json* fields) {
  return std::ranges::all_of(wanted.items(), [&](const auto& field) {
    const auto found = live.find(field.key());
    return found == live.end() ? SaysNothing(field.value())
                               : Covers(*found, field.value(), Below(fields, "f:" + field.key()));
  });
}

// Others may add to a shared list of objects (a sidecar); any other has one owner as a whole, and with one item more (a
// rule of a NetworkPolicy, by hand) it is not as wanted.
bool CoversList(const json& live, const json& wanted, const json* fields) {
  const bool of_objects = std::ranges::all_of(wanted, [](const json& item) { return item.is_object(); });
  if (!of_objects || wanted.empty()) {
    return live.size() == wanted.size() &&
           std::ranges::equal(live, wanted, [](const json& a, const json& b) { return Covers(a, b, nullptr); });
  }
  if (live.size() != wanted.size() && !IsShared(fields)) return false;
  return std::ranges::all_of(wanted, [&](const json& item) {
    const json* const its = FieldsOf(fields, item);
    return std::ranges::any_of(live, [&](const json& other) { return Covers(other, item, its); });
  });
}

bool Covers(const json& live, const json& wanted, const json* fields) {
  if (wanted.is_object() && live.is_object()) return CoversObject(live, wanted, fields);
  if (wanted.is_array() && live.is_array()) return CoversList(live, wanted, fields);
  if (live == wanted) return true;
  return live.is_string() && wanted.is_string() &&
         SameQuantity(live.get_ref<const std::string&>(), wanted.get_ref<const std::string&>());
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

// The fields of each time that we have applied: one entry for each version of the kind that we have spoken.
std::vector<const json*> AppliedFields(const json& live) {
  std::vector<const json*> applied;
  const json& metadata = live.at("metadata");
  const auto entries = metadata.find("managedFields");
  if (entries == metadata.end()) return applied;
  for (const json& entry : *entries) {
    if (entry.value("manager", "") != kFieldManager || entry.value("operation", "") != "Apply") continue;
    const auto fields = entry.find("fieldsV1");
    if (fields != entry.end() && fields->is_object()) applied.push_back(&*fields);
  }
  return applied;
}

}  // namespace

bool IsAsWanted(const json& live, const json& wanted) {
  const auto applied = AppliedFields(live);
  return Covers(live, wanted, applied.empty() ? nullptr : applied.front()) &&
         std::ranges::all_of(applied, [&](const json* fields) { return WantsAll(*fields, wanted); });
}

}  // namespace keelson::kubernetes
