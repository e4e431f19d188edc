// Any text as a stored job, pipeline, rollout, project or allocation: read or refused, and what reads is written as
// what reads the same.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "control/types.h"
#include "scheduling/cost.h"

namespace {

template <typename Read>
void RoundTrip(const std::string& text, Read read) {
  const auto first = read(text);
  if (!first.has_value()) return;
  const auto written = keelson::control::ToJson(*first);
  const auto again = read(written.dump(-1, ' ', false, keelson::control::Json::error_handler_t::replace));
  if (!again.has_value() || keelson::control::ToJson(*again) != written) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace keelson::control;
  const std::string text(reinterpret_cast<const char*>(data), size);
  RoundTrip(text, JobFromJson);
  RoundTrip(text, PipelineFromJson);
  RoundTrip(text, RolloutFromJson);
  RoundTrip(text, ProjectStateFromJson);
  RoundTrip(text, AllocationFromJson);
  return 0;
}
