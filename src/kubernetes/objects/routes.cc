#include "kubernetes/objects/routes.h"

#include <fmt/format.h>

#include "kubernetes/objects/endpoint.h"

namespace keelson::kubernetes {
namespace {

Json Match(const char* how, const std::string& path) {
  return {{"path", {{"type", how}, {"value", path}}}};
}

// Prefixes end at a "/": what v1 puts behind a colon are paths of their own.
Json Matches(const std::string& model) {
  return Json::array({Match("PathPrefix", "/v2/models/" + model), Match("Exact", "/v1/models/" + model),
                      Match("Exact", "/v1/models/" + model + ":predict"),
                      Match("Exact", "/v1/models/" + model + ":explain")});
}

Json Backend(const Owner& owner, int version, int weight) {
  Settings settings = owner.settings;
  settings.model_version = version;
  return {{"name", RevisionName({owner.project, owner.revision, settings})}, {"port", kRestPort}, {"weight", weight}};
}

}  // namespace

bool IsRouted(const Settings& settings) {
  return !settings.gateway.empty() && settings.addons.contains(Addon::kGatewayApi);
}

std::string RoutedHost(const Owner& owner) {
  return fmt::format("{}.{}.svc", ObjectName({owner.project.name}), owner.settings.workspace);
}

std::vector<Json> Routes(const Owner& owner) {
  const Settings& settings = owner.settings;
  if (!IsRouted(settings)) return {};
  const std::size_t slash = settings.gateway.find('/');
  const int share = settings.canary_version ? settings.canary_percent : 0;
  Json backends = Json::array({Backend(owner, settings.model_version, 100 - share)});
  if (settings.canary_version) backends.push_back(Backend(owner, *settings.canary_version, share));
  Json object = NewObject(owner, "gateway.networking.k8s.io/v1", "HTTPRoute", ObjectName({owner.project.name}),
                          component::kEndpoint);
  object["spec"] = {
      {"parentRefs",
       Json::array({{{"namespace", settings.gateway.substr(0, slash)}, {"name", settings.gateway.substr(slash + 1)}}})},
      {"rules",
       Json::array(
           {{{"matches", Matches(owner.project.name)},
             {"filters", Json::array({{{"type", "URLRewrite"}, {"urlRewrite", {{"hostname", RoutedHost(owner)}}}}})},
             {"backendRefs", std::move(backends)}}})}};
  return {std::move(object)};
}

}  // namespace keelson::kubernetes
