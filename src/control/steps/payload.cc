// payload: what the project's replicas logged and add nothing to any more, as Parquet.
#include <fmt/format.h>

#include "control/steps/step.h"
#include "serving/payload_parquet.h"

namespace keelson::control::steps {

Result<Outcome> Payload(const Context& context) {
  KEELSON_ASSIGN_OR_RETURN(const auto engine, OpenEngine(context));
  const serving::PayloadExportOptions options{
      .from = context.spec.at("from"), .to = context.spec.at("to"), .remove = false};
  KEELSON_ASSIGN_OR_RETURN(const auto done,
                           serving::ExportPayload(*engine, options, context.progress, context.cancelled));
  return Outcome{.output = {{"segments", done.segments},
                            {"records", done.records},
                            {"repeated", done.repeated},
                            {"rows", done.rows},
                            {"open", done.open},
                            {"damaged", done.damaged}},
                 .refused = false,
                 .message = {}};
}

}  // namespace keelson::control::steps
