#include "wire/kueue/generator.h"

#include <fmt/format.h>

#include <algorithm>

#include "project/fields.h"
#include "scheduling/gang_placement.h"

namespace keelson::wire::kueue {
namespace {

using project::Fields;
using project::Findings;
using project::ReadDocuments;
using project::Unit;
using project::YamlNode;
using scheduling::Resource;

constexpr std::int64_t kMostCount = 1'000'000;
constexpr std::int64_t kMostMillis = std::int64_t{1} << 40;
constexpr std::int64_t kMostPodMicros = std::int64_t{1} << 60;

class Generator {
 public:
  Generator(const std::string& file, std::string_view text, const GeneratorLimits& limits)
      : findings_{file, {}}, text_(text), limits_(limits) {}

  Result<simulation::QueuedLoad> Read() {
    auto documents = ReadDocuments(text_, findings_.file);
    if (!documents) return Fail(ErrorCode::kInvalidArgument, project::ToString(documents.error()));
    if (documents->size() != 1) {
      return Fail(ErrorCode::kInvalidArgument,
                  "a load is one document, and here are " + std::to_string(documents->size()), findings_.file);
    }
    load_.file = findings_.file;
    Fields top(documents->front(), "the load", findings_);
    if (const YamlNode* topology = top.Take("topology")) Topology(*topology);
    scheduling::ResourceFlavor flavor{"default", {}, ""};
    if (const YamlNode* given = top.Take("resourceFlavor")) {
      Fields fields(*given, "resourceFlavor", findings_);
      flavor.name = fields.Text("name", true);
      fields.Ignore("nodeLabel");  // that of all the nodes there are
      fields.Ignore("topologyName");
      fields.Done();
    }
    load_.queues.flavors.push_back(flavor);
    for (const YamlNode* cohort : top.List("cohorts")) Cohorts(*cohort);
    top.Done();
    KEELSON_RETURN_IF_ERROR(findings_.ToStatus());
    std::stable_sort(load_.arrivals.begin(), load_.arrivals.end(),
                     [](const auto& a, const auto& b) { return a.workload.submitted < b.workload.submitted; });
    return std::move(load_);
  }

 private:
  void Topology(const YamlNode& node) {
    Fields fields(node, "topology", findings_);
    fields.Ignore("name");
    std::int64_t nodes = 1;
    std::vector<std::int64_t> counts;
    scheduling::Resources capacity;
    for (const YamlNode* each : fields.List("levels")) {
      Fields level(*each, "topology.levels[]", findings_);
      level.Ignore("name");
      counts.push_back(level.Whole("count", 1, limits_.nodes, true).value_or(1));
      nodes *= counts.back();
      if (nodes > limits_.nodes) {
        findings_.Add(*each, fmt::format("more than {} nodes", limits_.nodes));
        return;
      }
      load_.cluster.levels.push_back(level.Text("nodeLabel", true));
      if (const YamlNode* given = level.Take("capacity")) {
        Fields amounts(*given, "topology.levels[].capacity", findings_);
        capacity.cpu_milli = amounts.Quantity("cpu", Unit::kThousandths, true).value_or(0);
        capacity.memory_bytes = amounts.Quantity("memory", Unit::kWhole).value_or(0);
        amounts.Ignore("pods");
        amounts.Done();
      }
      level.Done();
    }
    fields.Done();
    for (std::int64_t i = 0; i < nodes; ++i) {
      scheduling::Node added;
      added.name = fmt::format("node-{}", i);
      added.capacity = capacity;
      std::int64_t below = nodes;
      for (const std::int64_t count : counts) {
        below /= count;
        added.domains.push_back(static_cast<int>(i / below));
      }
      load_.cluster.nodes.push_back(std::move(added));
    }
  }

  void Cohorts(const YamlNode& node) {
    Fields fields(node, "cohorts[]", findings_);
    const std::string name = fields.Text("className", true);
    const std::int64_t count = fields.Whole("count", 0, kMostCount, true).value_or(0);
    const auto sets = fields.List("queuesSets");
    fields.Done();
    if (static_cast<std::int64_t>(load_.queues.cohorts.size()) + count > limits_.queues) {
      return findings_.Add(node, fmt::format("more than {} cohorts", limits_.queues));
    }
    for (std::int64_t i = 0; i < count && findings_.problems.empty(); ++i) {
      const std::string cohort = fmt::format("{}-{}", name, i);
      cohorts_to_come_ = static_cast<double>(count - i);
      load_.queues.cohorts.push_back({cohort, "", {}, 1, findings_.Where(node)});
      for (std::size_t s = 0; s < sets.size(); ++s) Queues(*sets[s], cohort, s);
    }
  }

  void Queues(const YamlNode& node, const std::string& cohort, std::size_t set) {
    Fields fields(node, "queuesSets[]", findings_);
    const std::string name = fields.Text("className", true);
    const std::int64_t count = fields.Whole("count", 0, kMostCount, true).value_or(0);
    scheduling::ClusterQueue queue;
    queue.cohort = cohort;
    queue.where = findings_.Where(node);
    scheduling::FlavorQuota quota{load_.queues.flavors.front().name, {}};
    quota.of[static_cast<std::size_t>(Resource::kCpu)] = {
        fields.Quantity("nominalQuota", Unit::kThousandths, true).value_or(0),
        fields.Quantity("borrowingLimit", Unit::kThousandths), std::nullopt};
    queue.flavors.push_back(quota);
    const std::string reclaim = fields.Choice("reclaimWithinCohort", {"Never", "LowerPriority", "Any"});
    if (reclaim == "Any") queue.reclaim = scheduling::ReclaimWithinCohort::kAny;
    if (reclaim == "LowerPriority") queue.reclaim = scheduling::ReclaimWithinCohort::kLowerPriority;
    if (fields.Choice("withinClusterQueue", {"Never", "LowerPriority"}) == "LowerPriority") {
      queue.preempt = scheduling::PreemptWithinQueue::kLowerPriority;
    }
    const auto sets = fields.List("workloadsSets");
    fields.Done();
    if (static_cast<double>(load_.queues.cluster_queues.size()) + cohorts_to_come_ * static_cast<double>(count) >
        static_cast<double>(limits_.queues)) {
      return findings_.Add(node, fmt::format("more than {} queues", limits_.queues));
    }
    for (std::int64_t i = 0; i < count && findings_.problems.empty(); ++i) {
      queues_to_come_ = static_cast<double>(count - i);
      queue.name = fmt::format("{}-{}-{}-{}", cohort, name, set, i);
      load_.queues.cluster_queues.push_back(queue);
      for (std::size_t s = 0; s < sets.size(); ++s) Set(*sets[s], queue.name, s);
    }
  }

  void Set(const YamlNode& node, const std::string& queue, std::size_t set) {
    Fields fields(node, "workloadsSets[]", findings_);
    const std::int64_t count = fields.Whole("count", 0, kMostCount, true).value_or(0);
    const std::int64_t interval = fields.Whole("creationIntervalMs", 0, kMostMillis, true).value_or(0);
    std::vector<simulation::QueuedLoad::Arrival> templates;
    for (const YamlNode* each : fields.List("workloads")) templates.push_back(Template(*each, queue));
    fields.Done();
    if (!findings_.problems.empty()) return;
    const std::size_t added = static_cast<std::size_t>(count) * templates.size();
    // Before the first of them is made: all that will come of this set.
    const double to_come = cohorts_to_come_ * queues_to_come_ * static_cast<double>(added);
    if (static_cast<double>(load_.arrivals.size()) + to_come > static_cast<double>(limits_.workloads))
      return findings_.Add(node, fmt::format("more than {} workloads", limits_.workloads));
    if (static_cast<double>(added) * static_cast<double>(interval) > static_cast<double>(kMostMillis)) {
      return findings_.Add(node, "the last workload of this set would be created decades later");
    }
    Instant at{};
    for (std::int64_t i = 0; i < count; ++i) {
      for (std::size_t t = 0; t < templates.size(); ++t) {
        at += std::chrono::milliseconds(interval);
        simulation::QueuedLoad::Arrival arrival = templates[t];
        arrival.workload.id = fmt::format("{}/{}-{}-{}-{}", queue, arrival.name, set, i, t);
        arrival.workload.submitted = at;
        load_.arrivals.push_back(std::move(arrival));
      }
    }
  }

  simulation::QueuedLoad::Arrival Template(const YamlNode& node, const std::string& queue) {
    Fields fields(node, "workloads[]", findings_);
    simulation::QueuedLoad::Arrival arrival;
    arrival.name = fields.Text("className", true);
    arrival.run_time = std::chrono::milliseconds(fields.Whole("runtimeMs", 0, kMostMillis, true).value_or(0));
    scheduling::Workload& workload = arrival.workload;
    workload.queue = queue;
    workload.priority = static_cast<int>(fields.Whole("priority", -1'000'000'000, 1'000'000'000).value_or(0));
    workload.pod.request.cpu_milli = fields.Quantity("request", Unit::kThousandths, true).value_or(0);
    workload.pods = static_cast<int>(fields.Whole("podCount", 1, scheduling::kMostSlots).value_or(1));
    workload.run_time = arrival.run_time;
    if (arrival.run_time.count() > kMostPodMicros / workload.pods) {
      findings_.Add(node, "all its pods together run for longer than can be counted");
    }
    const std::string constraint = fields.Choice("tasConstraint", {"", "required", "preferred", "balanced"});
    workload.topology = {fields.Text("tasLevel"), constraint == "required"};
    fields.Whole("sliceSize", 1, scheduling::kMostSlots);  // of "balanced"
    if (!workload.topology.level.empty() && scheduling::FindLevel(load_.cluster, workload.topology.level) < 0) {
      findings_.Add(node, fmt::format("the topology has no level {}", project::Quoted(workload.topology.level)));
    }
    fields.Done();
    return arrival;
  }

  Findings findings_;
  std::string_view text_;
  const GeneratorLimits& limits_;
  simulation::QueuedLoad load_;
  double cohorts_to_come_ = 0;  // of the set of cohorts that is made just now
  double queues_to_come_ = 0;   // and of the set of queues
};

}  // namespace

Result<simulation::QueuedLoad> ReadGenerator(std::string_view text, const std::string& file,
                                             const GeneratorLimits& limits) {
  return Generator(file, text, limits).Read();
}

}  // namespace keelson::wire::kueue
