#include "scheduling/pool.h"

#include <algorithm>

namespace keelson::scheduling {
namespace {

constexpr Duration kLeastOverrun = std::chrono::seconds(1);

bool HasLabels(const NodePool& pool, const std::map<std::string, std::string>& labels) {
  return std::all_of(labels.begin(), labels.end(), [&](const auto& label) {
    const auto found = pool.labels.find(label.first);
    return found != pool.labels.end() && found->second == label.second;
  });
}

}  // namespace

Pool::Pool(const Cluster& cluster, const Queues& queues, QuotaTree tree, const std::string& placement, Duration assumed)
    : cluster_(cluster),
      tree_(std::move(tree)),
      assumed_(assumed),
      placer_(std::make_unique<Placer>(cluster, shapes_.all(), MakePlacementPolicy(placement, cluster, {}))),
      gangs_(cluster, shapes_.all(), *placer_) {
  for (const ResourceFlavor& flavor : queues.flavors) {
    std::vector<char> nodes;
    for (const Node& node : cluster.nodes) {
      nodes.push_back(HasLabels(cluster.pools[static_cast<std::size_t>(node.pool)], flavor.node_labels) ? 1 : 0);
    }
    if (std::find(nodes.begin(), nodes.end(), 0) == nodes.end()) nodes.clear();
    flavor_nodes_.push_back(std::move(nodes));
  }
}

const std::vector<char>* Pool::NodesOf(int flavor) const {
  const std::vector<char>& nodes = flavor_nodes_[static_cast<std::size_t>(flavor)];
  return nodes.empty() ? nullptr : &nodes;
}

int Pool::Room(std::size_t shape, int flavor, int level) {
  const auto [entry, fresh] = room_.try_emplace({shape, flavor, level}, 0);
  if (!fresh) return entry->second;
  const std::vector<char>* open = NodesOf(flavor);
  std::map<int, int> rooms;
  for (std::size_t i = 0; i < cluster_.nodes.size(); ++i) {
    const Node& node = cluster_.nodes[i];
    if (open != nullptr && (*open)[i] == 0) continue;
    if (!Admits(cluster_.pools[static_cast<std::size_t>(node.pool)], shapes_[shape])) continue;
    const int domain = DomainOf(cluster_, i, level);
    if (domain >= 0) rooms[domain] += Slots(EmptyNode(node), shapes_[shape]);
  }
  for (const auto& [domain, room] : rooms) entry->second = std::max(entry->second, room);
  return entry->second;
}

void Pool::Index(const Held& held, int step) {
  const std::pair<Instant, std::string_view> ending{held.expected, held.running.workload.id};
  const Workload& workload = held.running.workload;
  const bool counts = workload.preemptible && !held.running.stops;
  for (const int root : {-1, tree_.root(held.queue)}) {
    if (step > 0) {
      endings_[root].emplace(ending, &held);
      if (held.running.stops) stopping_[root].emplace(ending.second, &held);
    } else {
      endings_[root].erase(ending);
      if (held.running.stops) stopping_[root].erase(ending.second);
    }
  }
  if (step > 0) {
    by_queue_[held.queue].emplace(ending.second, &held);
  } else {
    by_queue_[held.queue].erase(ending.second);
  }
  for (const int queue : {-1, held.queue}) {
    if (!counts) continue;
    Counts& of = counts_[queue];
    const auto entry = of.try_emplace({workload.workload_class, -workload.priority}, 0).first;
    entry->second += step;
    if (entry->second == 0) of.erase(entry);
  }
}

Instant Pool::ExpectedEnd(const Running& running) const {
  if (running.stops) return *running.stops;
  Duration run_time = running.workload.run_time.value_or(assumed_);
  if (running.places.size() < static_cast<std::size_t>(running.workload.pods)) {  // the same work by fewer pods
    run_time =
        run_time * running.workload.pods / static_cast<std::int64_t>(std::max<std::size_t>(1, running.places.size()));
  }
  return running.started + run_time;
}

const Held& Pool::Put(Running running, int queue, int flavor, bool placed) {
  const std::string id = running.workload.id;
  Held& held = held_[id];
  held.queue = queue;
  held.flavor = flavor;
  held.shape = ShapeOf(running.workload.pod);
  held.amounts = running.workload.all(static_cast<int>(running.places.size()));
  held.expected = ExpectedEnd(running);
  held.running = std::move(running);
  tree_.Add(queue, flavor, held.amounts);
  if (has_nodes() && !placed) gangs_.Occupy(held.shape, held.running.places);
  if (!held.running.workload.search.empty()) ++searches_[held.running.workload.search];
  Index(held, 1);
  return held;
}

void Pool::Take(const std::string& id) {
  const auto found = held_.find(id);
  if (found == held_.end()) return;
  const Held& held = found->second;
  Index(held, -1);
  tree_.Remove(held.queue, held.flavor, held.amounts);
  if (has_nodes()) gangs_.Remove(held.shape, held.running.places);
  if (!held.running.workload.search.empty()) --searches_[held.running.workload.search];
  held_.erase(found);
}

void Pool::Tell(const std::string& id, Instant stops, const std::string& for_whom) {
  const auto found = held_.find(id);
  if (found == held_.end()) return;
  Index(found->second, -1);
  found->second.running.stops = stops;
  found->second.running.stops_for = for_whom;
  found->second.expected = stops;
  Index(found->second, 1);
}

void Pool::CloseNode(int node, Instant stops) {
  placer_->Close(node);
  std::vector<std::string> told;
  for (const auto& [id, held] : held_) {
    const bool sooner = !held.running.stops || *held.running.stops > stops;
    if (sooner && std::ranges::find(held.running.places, node, &PodPlace::node) != held.running.places.end())
      told.push_back(id);
  }
  for (const std::string& id : told) Tell(id, stops, "");
}

void Pool::OpenNode(int node) {
  placer_->Open(node);
}

void Pool::TakeBack(const std::string& id) {
  const auto found = held_.find(id);
  if (found == held_.end()) return;
  Index(found->second, -1);
  found->second.running.stops.reset();
  found->second.running.stops_for.clear();
  found->second.expected = ExpectedEnd(found->second.running);
  Index(found->second, 1);
}

const Pool::ById& Pool::HeldOf(int queue) const {
  static const ById none;
  const auto found = by_queue_.find(queue);
  return found == by_queue_.end() ? none : found->second;
}

const Pool::ById& Pool::StoppingIn(int root) const {
  static const ById none;
  const auto found = stopping_.find(root);
  return found == stopping_.end() ? none : found->second;
}

const Held* Pool::Find(const std::string& id) const {
  const auto found = held_.find(id);
  return found == held_.end() ? nullptr : &found->second;
}

int Pool::RunningOf(const std::string& search) const {
  const auto found = searches_.find(search);
  return found == searches_.end() ? 0 : found->second;
}

const Pool::Counts& Pool::CountsOf(int queue) const {
  static const Counts none;
  const auto found = counts_.find(queue);
  return found == counts_.end() ? none : found->second;
}

void Pool::EachEnding(int root, Instant now, const std::function<bool(Instant, const Held&)>& look) const {
  const auto found = endings_.find(root);
  if (found == endings_.end()) return;
  std::vector<std::pair<Instant, const Held*>> late;
  auto next = found->second.begin();
  for (; next != found->second.end() && next->first.first <= now; ++next) {
    const Held& held = *next->second;
    late.emplace_back(held.running.stops ? now : now + std::max(kLeastOverrun, now - held.running.started), &held);
  }
  std::stable_sort(late.begin(), late.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  auto behind = late.begin();
  while (behind != late.end() || next != found->second.end()) {
    const bool from_late = behind != late.end() && (next == found->second.end() || behind->first <= next->first.first);
    const Instant at = from_late ? behind->first : next->first.first;
    const Held& held = from_late ? *behind->second : *next->second;
    if (from_late) {
      ++behind;
    } else {
      ++next;
    }
    if (!look(at, held)) return;
  }
}

}  // namespace keelson::scheduling
