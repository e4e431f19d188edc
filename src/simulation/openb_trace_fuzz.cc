// Any text as the nodes and as the pods of an openb trace: refused with its place, or a load that a simulation can run.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "simulation/packing.h"
#include "simulation/trace.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace keelson;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto check = [](const Error& error) {
    if (error.code != ErrorCode::kInvalidArgument || !error.where.starts_with("t.csv:")) std::abort();
  };
  const auto nodes = simulation::ReadOpenbNodes(text, "t.csv");
  if (!nodes.has_value()) check(nodes.error());
  static const scheduling::Cluster cluster =
      simulation::ReadOpenbNodes("sn,cpu_milli,memory_mib,gpu,model\na,64000,262144,2,P100\nb,96000,524288,8,T4\n", "n")
          .value();
  const auto pods = simulation::ReadOpenbPods(text, "t.csv", cluster);
  if (!pods.has_value()) {
    check(pods.error());
    return 0;
  }
  (void)simulation::FindImpossible(*pods, cluster);
  for (const char* policy : {"fgd", "keelson"}) {
    double per_pod = 0;
    for (std::size_t i = 0; i < pods->mix.shapes.size(); ++i) {
      per_pod += pods->mix.frequency[i] * pods->mix.shapes[i].milli();
    }
    if (per_pod < 20) continue;  // a load of too many pods for a fuzzer's patience
    const auto report = simulation::SimulatePacking(cluster, *pods, {policy, 1.1, 1});
    if (!report.has_value() || report->end().allocated_percent > 100.001) std::abort();
  }
  return 0;
}
