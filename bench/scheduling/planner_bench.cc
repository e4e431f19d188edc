// How long the planner thinks over a large pool: the full plan of everything that waits, and then one change after the
// other (something ends, something comes, plan). One JSON line.
//   keelson_planner_bench NODES PENDING CHANGES
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <ctime>
#include <iostream>
#include <map>

#include "base/random.h"
#include "base/strings.h"
#include "scheduling/planner.h"

namespace {

using namespace keelson;

double CpuSeconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

constexpr int kQueues = 200;  // in 20 cohorts
constexpr int kCohorts = 20;

// Nodes of eight GPUs; what waits asks for one to eight of them, or is a gang of such pods.
scheduling::Cluster MakeCluster(int nodes) {
  scheduling::Cluster cluster;
  cluster.models.Add("H100");
  cluster.levels = {"rack"};
  for (int i = 0; i < nodes; ++i) {
    cluster.nodes.push_back({fmt::format("node-{}", i), {128'000, std::int64_t{2} << 40}, 8, 0, 0, 0, {i / 32}});
  }
  return cluster;
}

scheduling::Queues MakeQueues(int nodes) {
  scheduling::Queues queues;
  queues.flavors = {{"default", {}, ""}};
  for (int i = 0; i < kQueues; ++i) {
    scheduling::ClusterQueue queue;
    queue.name = fmt::format("queue-{}", i);
    queue.cohort = fmt::format("cohort-{}", i % kCohorts);
    scheduling::FlavorQuota quota{"default", {}};
    const std::array<std::int64_t, scheduling::kResourceCount> of_node = {128'000, std::int64_t{2} << 40, 0, 8'000};
    for (std::size_t r = 0; r < scheduling::kResourceCount; ++r) {
      quota.of[r] = scheduling::ResourceQuota{std::max<std::int64_t>(of_node[r], of_node[r] * nodes / kQueues), {}, {}};
    }
    queue.flavors = {quota};
    queue.reclaim = scheduling::ReclaimWithinCohort::kAny;
    queue.preempt = scheduling::PreemptWithinQueue::kLowerPriority;
    queues.cluster_queues.push_back(queue);
  }
  return queues;
}

scheduling::Workload MakeWorkload(Random& random, Instant now, int number) {
  scheduling::Workload made;
  made.id = fmt::format("w{}", number);
  made.queue = fmt::format("queue-{}", random.Below(kQueues));
  made.workload_class =
      random.Below(4) == 0 ? scheduling::WorkloadClass::kBestEffort : scheduling::WorkloadClass::kTraining;
  made.priority = static_cast<int>(random.Below(2));
  made.submitted = now;
  made.pod.gpus = 1 << random.Below(4);
  made.pod.request = {made.pod.gpus * 12'000, (made.pod.gpus * std::int64_t{128}) << 30};
  if (made.pod.gpus == 8 && random.Below(4) == 0) made.pods = 2 << random.Below(4);  // of at most 256 GPUs
  if (made.pods > 1) made.topology = {"rack", false};
  made.run_time = std::chrono::minutes(10 << random.Below(5));
  made.checkpoint_interval = std::chrono::minutes(15);
  return made;
}

double At(std::vector<double>& values, double part) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(part * static_cast<double>(values.size() - 1))];
}

Status Measure(int nodes, int pending, int changes) {
  if (nodes < 1000)
    return Fail(ErrorCode::kInvalidArgument, "fewer than 1000 nodes: the largest gang would not fit a cohort");
  KEELSON_ASSIGN_OR_RETURN(const auto planner, scheduling::Planner::Make(MakeCluster(nodes), MakeQueues(nodes), {}));
  Random random(42);
  Instant now = InstantFromMicros(1'000'000'000'000);
  int number = 0;
  double begun = CpuSeconds();
  for (; number < pending; ++number) {
    KEELSON_RETURN_IF_ERROR(planner->Submit(MakeWorkload(random, now + Duration(number), number)));
  }
  const double submit = CpuSeconds() - begun;
  now += std::chrono::seconds(1);
  begun = CpuSeconds();
  std::vector<std::string> running;
  for (const scheduling::Decision& each : planner->Plan(now)) {
    if (each.kind == scheduling::Decision::Kind::kStart) running.push_back(each.id);
  }
  const double plan = CpuSeconds() - begun;
  const std::size_t started = running.size();
  std::vector<double> times;
  std::map<Instant, std::vector<std::string>> stopping;
  for (int i = 0; i < changes; ++i) {
    now += std::chrono::milliseconds(100);
    for (; !stopping.empty() && stopping.begin()->first <= now; stopping.erase(stopping.begin())) {
      for (const std::string& id : stopping.begin()->second) planner->Ended(id);
    }
    scheduling::Workload made = MakeWorkload(random, now, number++);
    std::string ended;
    if (!running.empty()) {
      const std::size_t which = random.Below(running.size());
      ended = running[which];
      running[which] = running.back();
      running.pop_back();
    }
    begun = CpuSeconds();
    planner->Ended(ended);
    KEELSON_RETURN_IF_ERROR(planner->Submit(std::move(made)));
    const auto decisions = planner->Plan(now);
    times.push_back(CpuSeconds() - begun);
    for (const scheduling::Decision& each : decisions) {
      if (each.kind == scheduling::Decision::Kind::kStart) {
        running.push_back(each.id);
      } else {
        stopping[each.stops].push_back(each.id);
      }
    }
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::cout
      << fmt::format(
             R"({{"nodes":{},"pending":{},"kinds":{},"started":{},"submit_seconds":{:.4f},"plan_seconds":{:.4f},"change_p50_ms":{:.4f},"change_p99_ms":{:.4f},"resident_mib":{:.1f}}})",
             nodes, pending, planner->backlog().kinds().size(), started, submit, plan,
             times.empty() ? 0 : 1e3 * At(times, 0.5), times.empty() ? 0 : 1e3 * At(times, 0.99),
             static_cast<double>(usage.ru_maxrss) / 1024)
      << std::endl;
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<int> numbers;
  for (int i = 1; i < argc; ++i) numbers.push_back(static_cast<int>(ParseInt(argv[i]).value_or(-1)));
  if (numbers.size() != 3 || *std::min_element(numbers.begin(), numbers.end()) < 1) {
    std::cerr << "keelson_planner_bench NODES PENDING CHANGES\n";
    return 2;
  }
  const Status done = Measure(numbers[0], numbers[1], numbers[2]);
  if (!done.has_value()) std::cerr << done.error().ToString() << "\n";
  return done.has_value() ? 0 : 1;
}
