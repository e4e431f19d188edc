#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <unordered_set>

#include "base/strings.h"
#include "simulation/csv_rows.h"
#include "simulation/trace.h"

namespace keelson::simulation {
namespace {

using scheduling::Cluster;
using scheduling::kMostGpus;
using scheduling::kWholeGpu;
using scheduling::PodShape;

constexpr std::int64_t kMostCpuMilli = 10'000'000;      // of a node or a pod: 10,000 cores
constexpr std::int64_t kMostMemoryMib = 1'000'000'000;  // about 950 TiB
constexpr std::int64_t kLastSecond = 100'000'000'000;   // some 3,000 years

enum NodeColumn : std::size_t { kNodeName, kNodeCpu, kNodeMemory, kNodeGpus, kNodeModel };
enum PodColumn : std::size_t {
  kName,
  kCpu,
  kMemory,
  kGpus,
  kGpuMilli,
  kSpec,
  kQos,
  kPhase,
  kCreated,
  kDeleted,
  kScheduled
};

constexpr std::array<std::string_view, 5> kPhases = {"Pending", "Running", "Succeeded", "Failed", "Unknown"};
constexpr std::array<std::string_view, 4> kQosClasses = {"LS", "BE", "Burstable", "Guaranteed"};

template <std::size_t n>
Status OneOf(const CsvRows& row, std::size_t column, std::string_view name,
             const std::array<std::string_view, n>& known) {
  if (!row.Has(column)) return {};
  const std::string_view text = row.Text(column);
  if (std::find(known.begin(), known.end(), text) != known.end()) return {};
  return row.Wrong(fmt::format("{} is '{}', not one of {}", name, text.substr(0, 100), fmt::join(known, ", ")));
}

// Names of one file: long ones are the reader's whole memory beside its result.
class Names {
 public:
  Status Take(const CsvRows& row, std::size_t column) {
    const std::string_view name = row.Text(column);
    if (name.empty()) return row.Wrong("the name is missing");
    if (!seen_.insert(name).second) return row.Wrong(fmt::format("'{}' stands twice", name.substr(0, 100)));
    return {};
  }

 private:
  std::unordered_set<std::string_view> seen_;
};

Status ReadSpec(const CsvRows& row, const Cluster& cluster, PodShape& shape) {
  const std::string_view spec = row.Text(kSpec);
  if (spec.empty()) return {};
  if (shape.gpus == 0) return row.Wrong("gpu_spec names GPU models for a pod without GPU");
  shape.models = 0;
  for (const std::string_view name : Split(spec, '|')) {
    if (name.empty()) continue;
    const auto model = cluster.models.Find(name);
    if (!model) {
      return row.Wrong(fmt::format("unknown GPU model '{}'; the nodes have {}", name.substr(0, 100),
                                   Join(cluster.models.names(), ", ")));
    }
    shape.models |= scheduling::ModelSet{1} << *model;
  }
  if (shape.models == 0) shape.models = scheduling::kAnyModel;  // bars alone
  return {};
}

// Created, scheduled and deleted, in this order.
Status CheckTimes(const CsvRows& row) {
  if (!row.Has(kCreated) && !row.Has(kDeleted) && !row.Has(kScheduled)) return {};
  KEELSON_ASSIGN_OR_RETURN(const std::int64_t created, row.Whole(kCreated, 0, kLastSecond));
  KEELSON_ASSIGN_OR_RETURN(const std::int64_t deleted, row.Whole(kDeleted, 0, kLastSecond));
  if (deleted < created) {
    return row.Wrong(fmt::format("deletion_time {} is before creation_time {}", deleted, created));
  }
  const bool waits = row.Text(kPhase) == "Pending" || !row.Has(kScheduled);
  if (row.Text(kScheduled).empty() && waits) return {};
  KEELSON_ASSIGN_OR_RETURN(const std::int64_t scheduled, row.Whole(kScheduled, 0, kLastSecond));
  if (scheduled < created) {
    return row.Wrong(fmt::format("scheduled_time {} is before creation_time {}", scheduled, created));
  }
  if (scheduled > deleted) {
    return row.Wrong(fmt::format("scheduled_time {} is after deletion_time {}", scheduled, deleted));
  }
  return {};
}

Result<PodShape> ReadShape(const CsvRows& row, const Cluster& cluster) {
  PodShape shape;
  KEELSON_ASSIGN_OR_RETURN(shape.request.cpu_milli, row.Whole(kCpu, 0, kMostCpuMilli));
  KEELSON_ASSIGN_OR_RETURN(const std::int64_t memory, row.Whole(kMemory, 0, kMostMemoryMib));
  shape.request.memory_bytes = memory << 20;
  KEELSON_ASSIGN_OR_RETURN(const std::int64_t gpus, row.Whole(kGpus, 0, 1'000'000));
  KEELSON_ASSIGN_OR_RETURN(const std::int64_t milli, row.Whole(kGpuMilli, 0, kWholeGpu));
  if (gpus == 0 && milli != 0) return row.Wrong("gpu_milli without a GPU: num_gpu is 0");
  if (gpus > 0 && milli == 0) return row.Wrong("gpu_milli is 0; a pod with a GPU asks for 1 to 1000 of it");
  if (gpus > 1 && milli != kWholeGpu) {
    return row.Wrong(fmt::format("gpu_milli is {} of {} GPUs; only one GPU can be shared", milli, gpus));
  }
  shape.gpus = static_cast<int>(gpus);
  shape.gpu_milli = gpus == 0 ? kWholeGpu : static_cast<int>(milli);
  KEELSON_RETURN_IF_ERROR(ReadSpec(row, cluster, shape));
  return shape;
}

}  // namespace

Result<Cluster> ReadOpenbNodes(std::string_view text, const std::string& file) {
  KEELSON_ASSIGN_OR_RETURN(CsvRows rows,
                           CsvRows::Open(text, file, {{"sn"}, {"cpu_milli"}, {"memory_mib"}, {"gpu"}, {"model"}}));
  Cluster cluster;
  Names names;
  while (true) {
    KEELSON_ASSIGN_OR_RETURN(const bool more, rows.Next());
    if (!more) break;
    KEELSON_RETURN_IF_ERROR(names.Take(rows, kNodeName));
    scheduling::Node node;
    node.name = rows.Text(kNodeName);
    KEELSON_ASSIGN_OR_RETURN(node.capacity.cpu_milli, rows.Whole(kNodeCpu, 0, kMostCpuMilli));
    KEELSON_ASSIGN_OR_RETURN(const std::int64_t memory, rows.Whole(kNodeMemory, 0, kMostMemoryMib));
    node.capacity.memory_bytes = memory << 20;
    KEELSON_ASSIGN_OR_RETURN(const std::int64_t gpus, rows.Whole(kNodeGpus, 0, kMostGpus));
    node.gpus = static_cast<int>(gpus);
    const std::string_view model = rows.Text(kNodeModel);
    if (node.gpus == 0 && !model.empty()) return rows.Wrong("names a GPU model for a node without GPU");
    if (node.gpus > 0) {
      if (model.empty()) return rows.Wrong("the GPU model is missing");
      const auto number = cluster.models.Add(model);
      if (!number) return rows.Wrong(fmt::format("more than {} GPU models", scheduling::GpuModels::kMost));
      node.model = *number;
    }
    cluster.nodes.push_back(std::move(node));
  }
  if (cluster.nodes.empty()) return rows.Wrong("has no node");
  return cluster;
}

Result<PodTrace> ReadOpenbPods(std::string_view text, const std::string& file, const Cluster& cluster) {
  KEELSON_ASSIGN_OR_RETURN(CsvRows rows, CsvRows::Open(text, file,
                                                       {{"name"},
                                                        {"cpu_milli"},
                                                        {"memory_mib"},
                                                        {"num_gpu"},
                                                        {"gpu_milli"},
                                                        {"gpu_spec", false},
                                                        {"qos", false},
                                                        {"pod_phase", false},
                                                        {"creation_time", false},
                                                        {"deletion_time", false},
                                                        {"scheduled_time", false}}));
  TraceBuilder builder(file);
  Names names;
  bool any = false;
  while (true) {
    KEELSON_ASSIGN_OR_RETURN(const bool more, rows.Next());
    if (!more) break;
    KEELSON_RETURN_IF_ERROR(names.Take(rows, kName));
    KEELSON_RETURN_IF_ERROR(OneOf(rows, kQos, "qos", kQosClasses));
    KEELSON_RETURN_IF_ERROR(OneOf(rows, kPhase, "pod_phase", kPhases));
    KEELSON_RETURN_IF_ERROR(CheckTimes(rows));
    KEELSON_ASSIGN_OR_RETURN(const PodShape shape, ReadShape(rows, cluster));
    builder.Add(shape, rows.line());
    any = true;
  }
  if (!any) return rows.Wrong("has no pod");
  return builder.Take();
}

}  // namespace keelson::simulation
