#include "kubernetes/objects/dashboard.h"

#include "base/hash.h"
#include "kubernetes/objects/queries.h"

namespace keelson::kubernetes {
namespace {

constexpr int kSchemaVersion = 39;  // of Grafana 10.4; later ones migrate it
constexpr int kColumns = 24;        // of Grafana's grid
constexpr int kHeight = 8;

Json Panel(int number, const char* title, const char* unit, const std::string& query) {
  const int width = kColumns / 2;
  return {{"id", number + 1},
          {"type", "timeseries"},
          {"title", title},
          {"datasource", {{"type", "prometheus"}, {"uid", "${datasource}"}}},
          {"gridPos", {{"x", number % 2 * width}, {"y", number / 2 * kHeight}, {"w", width}, {"h", kHeight}}},
          {"fieldConfig", {{"defaults", {{"unit", unit}, {"min", 0}}}, {"overrides", Json::array()}}},
          {"targets", Json::array({{{"refId", "A"}, {"expr", query}, {"legendFormat", "version {{version}}"}}})}};
}

}  // namespace

Json Dashboard(const Owner& owner) {
  constexpr std::size_t kLongestId = 40;  // that Grafana takes
  Json panels = Json::array({Panel(0, "Requests", "reqps", RequestRate(owner)),
                             Panel(1, "Errors", "percentunit", ErrorShare(owner)),
                             Panel(2, "99th percentile inside the replica", "s", Latency(owner, 0.99)),
                             Panel(3, "Refused: queue full or expired", "reqps", RefusalRate(owner))});
  const Json source = {{"name", "datasource"}, {"type", "datasource"}, {"query", "prometheus"}};
  return {{"uid", Sha256::Hex("keelson/" + owner.settings.workspace + "/" + owner.project.name).substr(0, kLongestId)},
          {"title", "Keelson: " + owner.project.name},
          {"tags", {"keelson"}},
          {"schemaVersion", kSchemaVersion},
          {"time", {{"from", "now-6h"}, {"to", "now"}}},
          {"refresh", "30s"},
          {"templating", {{"list", Json::array({source})}}},
          {"panels", std::move(panels)}};
}

}  // namespace keelson::kubernetes
