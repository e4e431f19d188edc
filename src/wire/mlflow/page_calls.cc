// What MLflow's page asks on every visit about parts that are not here: it is answered as by a server that has none of
// them set up.
#include "wire/mlflow/answer.h"
#include "wire/mlflow/services.h"

namespace keelson::wire::mlflow {

// It asks whether it may tell MLflow's makers what its users do: never.
Answered GetUiTelemetry(Services&, const Asked&) {
  return JsonAnswer(R"({"disable_ui_telemetry":true,"disable_ui_events":[],"ui_rollout_percentage":0})");
}

Answered PostUiTelemetry(Services&, const Asked&) {
  return JsonAnswer(R"({"status":"disabled"})");
}

// The reference without its accounts has no such path, and the page's console then has an error of each visit.
Answered GetCurrentUser(Services&, const Asked&) {
  return EmptyAnswer();
}

Answered GetAssistantConfig(Services&, const Asked&) {
  return JsonAnswer(R"({"providers":{},"projects":{},"remote_access_allowed":false})");
}

Answered GetAssistantProviders(Services&, const Asked&) {
  return JsonAnswer(R"({"providers":[],"resolved":null,"gateway_vendor_options":{}})");
}

Answered ProxyGateway(Services&, const Asked&) {
  return JsonAnswer(R"({"endpoints":[]})");
}

}  // namespace keelson::wire::mlflow
