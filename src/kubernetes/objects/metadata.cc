#include "kubernetes/objects/metadata.h"

#include "base/hash.h"
#include "base/strings.h"

namespace keelson::kubernetes {
namespace {

constexpr std::size_t kHashDigits = 8;
constexpr std::size_t kRevisionDigits = 12;

bool IsLetter(char c) {
  return c >= 'a' && c <= 'z';
}

}  // namespace

std::string ObjectName(const std::vector<std::string>& parts) {
  const std::string wanted = Join(parts, "-");
  std::string name = ToLower(wanted);
  for (char& c : name) {
    if (!IsLetter(c) && !(c >= '0' && c <= '9')) c = '-';
  }
  if (name.empty() || !IsLetter(name.front())) name.insert(0, "k-");
  if (name == wanted && name.size() <= kMaximumName && name.back() != '-') return name;
  name.resize(std::min(name.size(), kMaximumName - kHashDigits - 1));
  while (name.back() == '-') name.pop_back();
  return name + "-" + Sha256::Hex(wanted).substr(0, kHashDigits);
}

Json Selector(const Owner& owner, std::string_view component) {
  return {{"app.kubernetes.io/name", "keelson"},
          {"app.kubernetes.io/instance", owner.project.name},
          {"app.kubernetes.io/component", component}};
}

Json Labels(const Owner& owner, std::string_view component) {
  Json labels = Selector(owner, component);
  labels["app.kubernetes.io/managed-by"] = "keelson";
  labels["app.kubernetes.io/version"] = owner.settings.version;
  labels["keelson.dev/project"] = owner.project.name;
  labels[kRevisionLabel] = owner.revision.substr(0, kRevisionDigits);
  return labels;
}

Json NewObject(const Owner& owner, const char* api_version, const char* kind, const std::string& name,
               std::string_view component) {
  return {
      {"apiVersion", api_version},
      {"kind", kind},
      {"metadata", {{"name", name}, {"namespace", owner.settings.workspace}, {"labels", Labels(owner, component)}}}};
}

Json PlatformObject(const std::string& version, const char* api_version, const char* kind, const std::string& name) {
  return {{"apiVersion", api_version},
          {"kind", kind},
          {"metadata",
           {{"name", name},
            {"labels",
             {{"app.kubernetes.io/name", "keelson"},
              {"app.kubernetes.io/managed-by", "keelson"},
              {"app.kubernetes.io/version", version}}}}}};
}

void EnforcePodSecurity(Json* object) {
  for (const char* mode : {"enforce", "warn", "audit"}) {
    (*object)["metadata"]["labels"][std::string("pod-security.kubernetes.io/") + mode] = "restricted";
  }
}

}  // namespace keelson::kubernetes
