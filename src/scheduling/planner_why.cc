// Planner::Why: what a person reads who waits.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "scheduling/planner.h"

namespace keelson::scheduling {
namespace {

std::string Pods(const Workload& workload) {
  const std::string each = FormatAmounts(workload.each());
  return workload.pods == 1 ? each : fmt::format("{} pods of {} each, all at once", workload.least(), each);
}

// "it is first in line", "3 like it are before it".
std::string InLine(const WaitingKind& kind, const std::string& id, Instant submitted) {
  const auto ahead = std::distance(kind.waiting.begin(), kind.waiting.find({submitted, id}));
  if (ahead == 0) return "";
  return ahead == 1 ? "; one like it is before it" : fmt::format("; {} like it are before it", ahead);
}

std::string Left(const QuotaTree& tree, const WaitingKind& kind, const std::string& flavor) {
  const int index = tree.FindFlavor(flavor);
  if (index < 0) return "nothing";
  Amounts left;
  for (std::size_t r = 0; r < kResourceCount; ++r) {
    if (kind.each.of[r] > 0)
      left.of[r] = std::max<std::int64_t>(0, tree.Available(kind.queue, index, static_cast<Resource>(r)));
  }
  return FormatAmounts(left);
}

}  // namespace

std::optional<std::string> Planner::Why(const std::string& id) const {
  const WaitingKind* kind = backlog_.Find(id);
  if (kind == nullptr) return std::nullopt;
  const Workload& workload = *backlog_.FindWorkload(id);
  const Cause& cause = kind->cause;
  std::string text;
  switch (cause.kind) {
    case Cause::Kind::kNew:
      text = "waits to be looked at";
      break;
    case Cause::Kind::kHeld:
      return fmt::format("waits because its queue '{}' is held: it starts when somebody releases the queue",
                         workload.queue);
    case Cause::Kind::kSearch:
      return fmt::format(
          "waits for a place in its search '{}', which runs at most {} trials at once: it starts when one of them "
          "ends{}",
          workload.search, workload.parallel, InLine(*kind, id, workload.submitted));
    case Cause::Kind::kBehind:
      return fmt::format("waits behind '{}', which is before it in queue '{}'{}", cause.other, workload.queue,
                         InLine(*kind, id, workload.submitted));
    case Cause::Kind::kQuota:
      text = fmt::format("waits for quota: it asks for {}, and queue '{}' can use {} more of flavor '{}'",
                         Pods(workload), workload.queue, Left(pool_->tree(), *kind, cause.flavor), cause.flavor);
      break;
    case Cause::Kind::kNodes:
      if (cluster_.nodes.size() == 1) {
        text = fmt::format("waits for room on {}: it asks for {}, and so much is not free", cluster_.nodes.front().name,
                           Pods(workload));
        break;
      }
      text = fmt::format("waits for nodes: its quota has room, and no nodes have {} free{}", Pods(workload),
                         workload.topology.required ? " in one " + workload.topology.level : "");
      break;
    case Cause::Kind::kReservation:
      text = fmt::format("waits so that it does not delay '{}', which is more important and waits for the same",
                         cause.other);
      break;
  }
  const auto stopping = std::ranges::count_if(pool_->StoppingIn(-1),
                                              [&id](const auto& each) { return each.second->running.stops_for == id; });
  if (stopping > 0) {
    text += fmt::format("; {} been told to stop for it",
                        stopping == 1 ? std::string("one has") : fmt::format("{} have", stopping));
  }
  text += InLine(*kind, id, workload.submitted);
  const bool first = kind->first().id == id;
  if (!cause.freed_by.empty() && first) text += fmt::format("; it can start when '{}' has ended", cause.freed_by);
  if (cause.expected && first) text += fmt::format(", expected at {}", FormatInstant(*cause.expected));
  return text;
}

}  // namespace keelson::scheduling
