#include "scheduling/preemption.h"

#include <algorithm>
#include <string_view>
#include <tuple>

namespace keelson::scheduling {
namespace {

using Victims = std::vector<const RunningJob*>;

class Chooser {
 public:
  Chooser(const PendingJob& job, const Shortage& shortage) : job_(job), shortage_(shortage) {}

  bool Suffices(const Victims& victims) const {
    Resources machine = shortage_.machine;
    Resources queue = shortage_.queue;
    for (const RunningJob* victim : victims) {
      machine += victim->request;
      if (victim->queue == job_.queue) queue += victim->request;
    }
    return shortage_.request.FitsIn(machine) && shortage_.request.FitsIn(queue);
  }

  // `candidates` least important first.
  Victims Fewest(const Victims& candidates) const {
    for (const RunningJob* one : candidates) {
      if (Suffices({one})) return {one};
    }
    for (std::size_t last = 1; last < candidates.size(); ++last) {
      for (std::size_t first = 0; first < last; ++first) {
        if (Suffices({candidates[first], candidates[last]})) return {candidates[first], candidates[last]};
      }
    }
    Victims by_share = candidates;
    std::stable_sort(by_share.begin(), by_share.end(),
                     [this](const RunningJob* a, const RunningJob* b) { return Share(*a) > Share(*b); });
    Victims chosen;
    for (const RunningJob* victim : by_share) {
      chosen.push_back(victim);
      if (Suffices(chosen)) break;
    }
    for (std::size_t i = 0; i < chosen.size();) {
      Victims without = chosen;
      without.erase(without.begin() + static_cast<std::ptrdiff_t>(i));
      if (Suffices(without)) {
        chosen = std::move(without);
      } else {
        ++i;
      }
    }
    return chosen;
  }

 private:
  // How much of what is missing this one would bring, from 0 to 4: a full share of CPU and memory, of machine and
  // queue.
  double Share(const RunningJob& victim) const {
    const auto part = [](std::int64_t request, std::int64_t room, std::int64_t brings) {
      if (request <= room) return 0.0;
      return std::min(1.0, static_cast<double>(brings) / static_cast<double>(request - room));
    };
    const Resources& brings = victim.request;
    double share = part(shortage_.request.cpu_milli, shortage_.machine.cpu_milli, brings.cpu_milli) +
                   part(shortage_.request.memory_bytes, shortage_.machine.memory_bytes, brings.memory_bytes);
    if (victim.queue == job_.queue) {
      share += part(shortage_.request.cpu_milli, shortage_.queue.cpu_milli, brings.cpu_milli) +
               part(shortage_.request.memory_bytes, shortage_.queue.memory_bytes, brings.memory_bytes);
    }
    return share;
  }

  const PendingJob& job_;
  const Shortage& shortage_;
};

}  // namespace

Victims ChooseVictims(const PendingJob& job, const Shortage& shortage, const Victims& candidates) {
  Victims order;
  for (const RunningJob* candidate : candidates) {
    if (candidate->workload_class > job.workload_class) order.push_back(candidate);
  }
  std::stable_sort(order.begin(), order.end(), [](const RunningJob* a, const RunningJob* b) {
    return std::tuple(b->workload_class, a->priority, std::string_view(b->id)) <
           std::tuple(a->workload_class, b->priority, std::string_view(a->id));
  });
  const Chooser chooser(job, shortage);
  Victims least;  // all of the least important classes, one class more each time
  for (std::size_t i = 0; i < order.size(); ++i) {
    least.push_back(order[i]);
    const bool whole_class = i + 1 == order.size() || order[i + 1]->workload_class != order[i]->workload_class;
    if (whole_class && chooser.Suffices(least)) return chooser.Fewest(least);
  }
  return {};
}

}  // namespace keelson::scheduling
