#include "wire/kueue/objects.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "base/strings.h"
#include "project/fields.h"

namespace keelson::wire::kueue {
namespace {

using project::Fields;
using project::Findings;
using project::ReadDocuments;
using project::Unit;
using project::YamlNode;
using scheduling::FlavorQuota;
using scheduling::Resource;

struct Counted {
  std::string_view name;
  Resource resource;
  Unit unit;
};
constexpr std::array kCounted = {Counted{"cpu", Resource::kCpu, Unit::kThousandths},
                                 Counted{"memory", Resource::kMemory, Unit::kWhole},
                                 Counted{"ephemeral-storage", Resource::kDisk, Unit::kWhole},
                                 Counted{"nvidia.com/gpu", Resource::kGpu, Unit::kThousandths},
                                 Counted{"amd.com/gpu", Resource::kGpu, Unit::kThousandths}};

const Counted* FindCounted(std::string_view name) {
  for (const Counted& each : kCounted) {
    if (each.name == name) return &each;
  }
  return nullptr;
}

class Objects {
 public:
  Objects(const std::string& file, std::string_view text) : findings_{file, {}}, text_(text) {}

  Result<scheduling::Queues> Read() {
    auto documents = ReadDocuments(text_, findings_.file);
    if (!documents) return Fail(ErrorCode::kInvalidArgument, project::ToString(documents.error()));
    for (const YamlNode& document : *documents) Object(document);
    KEELSON_RETURN_IF_ERROR(findings_.ToStatus());
    return std::move(queues_);
  }

 private:
  void Object(const YamlNode& node) {
    Fields object(node, "the object", findings_);
    static_cast<void>(object.Choice("apiVersion", {"kueue.x-k8s.io/v1beta1", "kueue.x-k8s.io/v1beta2"}));
    const std::string kind = object.Text("kind", true);
    std::string name;
    std::string name_space = "default";
    if (const YamlNode* metadata = object.Take("metadata")) {
      Fields fields(*metadata, "metadata", findings_);
      name = fields.Text("name", true);
      if (const std::string given = fields.Text("namespace"); !given.empty()) name_space = given;
      fields.Ignore("labels");
      fields.Ignore("annotations");
      fields.Done();
    } else {
      findings_.Add(node, "metadata is missing");
    }
    object.Ignore("status");
    static const YamlNode kNone{YamlNode::Kind::kMap, {}, {}, false, "", {}, {}};
    const YamlNode* spec = object.Take("spec");
    Fields fields(spec != nullptr ? *spec : kNone, "spec", findings_);
    const std::string where = findings_.Where(node);
    if (kind == "ClusterQueue") {
      Queue(fields, name, where);
    } else if (kind == "Cohort") {
      scheduling::Cohort cohort{name, fields.Text("parentName"), Groups(fields), Weight(fields), where};
      queues_.cohorts.push_back(std::move(cohort));
    } else if (kind == "ResourceFlavor") {
      queues_.flavors.push_back({name, fields.Texts("nodeLabels"), where});
      fields.Ignore("nodeTaints");  // that of the nodes, which say it themselves
      fields.Unsupported("tolerations");
      fields.Ignore("topologyName");
    } else if (kind == "LocalQueue") {
      queues_.local_queues.push_back({name_space, name, fields.Text("clusterQueue", true), where});
      fields.Unsupported("stopPolicy", {"None"});
      fields.Unsupported("fairSharing");
    } else {
      findings_.Add(node, fmt::format("there is no kind {} here", project::Quoted(kind)),
                    "one of ClusterQueue, Cohort, LocalQueue, ResourceFlavor",
                    DidYouMean(kind, {"ClusterQueue", "Cohort", "LocalQueue", "ResourceFlavor"}).value_or(""));
      return;
    }
    fields.Done();
    object.Done();
  }

  void Queue(Fields& fields, const std::string& name, const std::string& where) {
    scheduling::ClusterQueue queue;
    queue.name = name;
    queue.where = where;
    queue.cohort = fields.Text("cohort");  // v1beta1's name of cohortName
    if (const std::string cohort = fields.Text("cohortName"); !cohort.empty()) queue.cohort = cohort;
    queue.flavors = Groups(fields);
    queue.weight = Weight(fields);
    queue.strict_fifo = fields.Choice("queueingStrategy", {"BestEffortFIFO", "StrictFIFO"}) == "StrictFIFO";
    queue.held = fields.Choice("stopPolicy", {"None", "Hold"}) == "Hold";
    fields.Ignore("namespaceSelector");
    fields.Ignore("flavorFungibility");
    fields.Unsupported("admissionChecks");
    fields.Unsupported("admissionChecksStrategy");
    fields.Unsupported("admissionScope");
    if (const YamlNode* node = fields.Take("preemption")) {
      Fields preemption(*node, "spec.preemption", findings_);
      const std::string reclaim = preemption.Choice("reclaimWithinCohort", {"Never", "LowerPriority", "Any"});
      queue.reclaim = reclaim == "Any"             ? scheduling::ReclaimWithinCohort::kAny
                      : reclaim == "LowerPriority" ? scheduling::ReclaimWithinCohort::kLowerPriority
                                                   : scheduling::ReclaimWithinCohort::kNever;
      if (preemption.Choice("withinClusterQueue", {"Never", "LowerPriority"}) == "LowerPriority") {
        queue.preempt = scheduling::PreemptWithinQueue::kLowerPriority;
      }
      if (const YamlNode* borrow = preemption.Take("borrowWithinCohort")) {
        Fields within(*borrow, "spec.preemption.borrowWithinCohort", findings_);
        within.Unsupported("policy", {"Never"});
        within.Ignore("maxPriorityThreshold");
        within.Done();
      }
      preemption.Done();
    }
    queues_.cluster_queues.push_back(std::move(queue));
  }

  double Weight(Fields& fields) {
    const YamlNode* node = fields.Take("fairSharing");
    if (node == nullptr) return 1;
    Fields sharing(*node, "spec.fairSharing", findings_);
    const auto weight = sharing.Quantity("weight", Unit::kThousandths);
    sharing.Done();
    return weight ? static_cast<double>(*weight) / 1000 : 1;
  }

  std::vector<FlavorQuota> Groups(Fields& fields) {
    std::vector<FlavorQuota> quotas;
    const auto groups = fields.List("resourceGroups");
    for (std::size_t g = 0; g < groups.size(); ++g) {
      if (g == 1)
        findings_.Add(*groups[g], "a second resource group is not supported",
                      "one, in which each flavor offers all resources");
      Fields group(*groups[g], fmt::format("spec.resourceGroups[{}]", g), findings_);
      std::vector<std::string> covered;
      for (const YamlNode* each : group.List("coveredResources")) covered.push_back(each->text);
      for (const YamlNode* each : group.List("flavors"))
        quotas.push_back(Flavor(*each, group.path() + ".flavors[]", covered));
      group.Done();
    }
    return quotas;
  }

  FlavorQuota Flavor(const YamlNode& node, const std::string& path, const std::vector<std::string>& covered) {
    Fields fields(node, path, findings_);
    FlavorQuota quota{fields.Text("name", true), {}};
    std::vector<std::string> named;
    for (const YamlNode* each : fields.List("resources")) {
      Fields resource(*each, path + ".resources[]", findings_);
      const std::string name = resource.Text("name", true);
      named.push_back(name);
      const Counted* counted = FindCounted(name);
      const Unit unit = counted != nullptr ? counted->unit : Unit::kWhole;
      const auto nominal = resource.Quantity("nominalQuota", unit, true);
      const auto borrowing = resource.Quantity("borrowingLimit", unit);
      const auto lending = resource.Quantity("lendingLimit", unit);
      resource.Done();
      if (counted == nullptr) {
        findings_.Add(*each, fmt::format("the resource {} is not supported", project::Quoted(name)),
                      "cpu, memory, ephemeral-storage, nvidia.com/gpu or amd.com/gpu");
        continue;
      }
      auto& of = quota.of[static_cast<std::size_t>(counted->resource)];
      if (of)
        findings_.Add(*each,
                      fmt::format("the resource {} stands twice, or two that are one to us do", project::Quoted(name)));
      of = scheduling::ResourceQuota{nominal.value_or(0), borrowing, lending};
    }
    if (named != covered) {
      findings_.Add(node, fmt::format("{} offers {}", path, Join(named, ", ")),
                    "the covered resources in their order: " + Join(covered, ", "));
    }
    fields.Done();
    return quota;
  }

  Findings findings_;
  std::string_view text_;
  scheduling::Queues queues_;
};

}  // namespace

Result<scheduling::Queues> ReadObjects(std::string_view text, const std::string& file) {
  return Objects(file, text).Read();
}

}  // namespace keelson::wire::kueue
