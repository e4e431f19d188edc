#include "wire/inference/served_models.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/strings.h"

namespace keelson::wire::inference {
namespace {

using Entry = ServedModels::Entry;

// Numbers by their size, before all that are none.
bool Older(const std::string& a, const std::string& b) {
  const auto x = ParseInt(a);
  const auto y = ParseInt(b);
  if (x && y) return *x < *y;
  if (x.has_value() != y.has_value()) return x.has_value();
  return a < b;
}

void SortByVersion(std::vector<std::shared_ptr<Entry>>* entries) {
  std::sort(entries->begin(), entries->end(),
            [](const auto& a, const auto& b) { return Older(a->served.model->version(), b->served.model->version()); });
}

}  // namespace

ServedModels::ServedModels(std::vector<Served> models, ModelRepository* repository, const Clock& clock,
                           serving::BatchRunner::Compute compute)
    : clock_(clock), compute_(std::move(compute)), repository_(repository) {
  std::map<std::string, std::vector<Served>> by_name;
  for (auto& served : models) {
    std::string name = served.model->name();
    by_name[std::move(name)].push_back(std::move(served));
  }
  for (auto& [name, versions] : by_name) models_[name] = MakeEntries(std::move(versions));
}

ServedModels::Entries ServedModels::MakeEntries(std::vector<Served> versions) {
  Entries entries;
  for (auto& served : versions) {
    entries.push_back(std::make_shared<Entry>());
    entries.back()->served = std::move(served);
  }
  SortByVersion(&entries);
  const Served& greatest = entries.back()->served;
  auto& queue = queues_[greatest.model->name()];
  if (queue == nullptr) {
    queue = std::make_unique<serving::BatchRunner>(greatest.policy, clock_, compute_);
  } else {
    queue->SetPolicy(greatest.policy);
  }
  for (const auto& entry : entries) {
    entry->served.policy = greatest.policy;
    entry->queue = queue.get();
  }
  return entries;
}

Result<std::shared_ptr<Entry>> ServedModels::Find(std::string_view name, std::string_view version) const {
  const std::shared_lock lock(mutex_);
  const auto found = models_.find(name);
  if (found == models_.end()) {
    return Fail(ErrorCode::kNotFound, fmt::format("Model with name {} does not exist.", name.substr(0, 200)));
  }
  const Entries& entries = found->second;
  if (version.empty()) return entries.back();
  for (const auto& entry : entries) {
    if (entry->served.model->version() == version) return entry;
  }
  std::string versions;
  for (const auto& entry : entries) versions += (versions.empty() ? "" : ", ") + entry->served.model->version();
  return Fail(ErrorCode::kNotFound, fmt::format("Model with name {} has no version {}; it has: {}", name.substr(0, 200),
                                                version.substr(0, 200), versions));
}

std::vector<std::shared_ptr<Entry>> ServedModels::All() const {
  const std::shared_lock lock(mutex_);
  Entries all;
  for (const auto& [name, entries] : models_) all.insert(all.end(), entries.begin(), entries.end());
  return all;
}

std::vector<std::shared_ptr<Entry>> ServedModels::Versions(std::string_view name) const {
  const std::shared_lock lock(mutex_);
  const auto found = models_.find(name);
  return found == models_.end() ? Entries{} : found->second;
}

Status ServedModels::Load(const std::string& name) {
  const std::lock_guard loading(loading_);
  if (repository_ == nullptr) {
    return Fail(ErrorCode::kFailedPrecondition, "this server loads no models when it is asked to", name);
  }
  auto loaded = repository_->Load(name);
  if (loaded.has_value() && loaded->empty()) {
    loaded = Fail(ErrorCode::kNotFound, "the model has no version");
  }
  if (!loaded) {
    const auto names = repository_->Names();
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      return Fail(ErrorCode::kNotFound, fmt::format("Model with name {} does not exist.", name.substr(0, 200)));
    }
    const std::unique_lock lock(mutex_);
    if (!models_.contains(name)) failed_[name] = loaded.error().ToString();
    return Fail(loaded.error().code == ErrorCode::kNotFound ? ErrorCode::kInvalidArgument : loaded.error().code,
                fmt::format("failed to load '{}': {}", name.substr(0, 200), loaded.error().message),
                loaded.error().where);
  }
  Entries fresh = MakeEntries(std::move(*loaded));
  Entries old;  // destroyed after the lock is released
  {
    const std::unique_lock lock(mutex_);
    old = std::exchange(models_[name], std::move(fresh));
    failed_.erase(name);
  }
  return {};
}

Status ServedModels::Unload(const std::string& name) {
  const std::lock_guard loading(loading_);
  if (repository_ == nullptr) {
    return Fail(ErrorCode::kFailedPrecondition, "this server unloads no models when it is asked to", name);
  }
  Entries old;
  {
    const std::unique_lock lock(mutex_);
    const auto found = models_.find(name);
    if (found == models_.end()) {
      return Fail(ErrorCode::kNotFound, fmt::format("Model with name {} does not exist.", name.substr(0, 200)));
    }
    old = std::move(found->second);
    models_.erase(found);
    failed_[name] = "unloaded";
  }
  return {};
}

std::vector<ServedModels::IndexRow> ServedModels::Index(bool only_ready) const {
  std::vector<std::string> known;
  if (repository_ != nullptr && !only_ready) known = repository_->Names();
  std::vector<IndexRow> rows;
  const std::shared_lock lock(mutex_);
  for (const auto& [name, entries] : models_) {
    for (const auto& entry : entries) rows.push_back({name, entry->served.model->version(), true, ""});
  }
  for (const auto& name : known) {
    if (models_.contains(name)) continue;
    const auto why = failed_.find(name);
    rows.push_back({name, "", false, why == failed_.end() ? "" : why->second});
  }
  std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return rows;
}

std::vector<NamedMetrics> MetricsOf(const std::vector<std::shared_ptr<ServedModels::Entry>>& entries) {
  std::vector<NamedMetrics> metrics;
  for (const auto& entry : entries) {
    const Served& served = entry->served;
    metrics.push_back({served.model->name(), served.model->version(), &entry->metrics, entry->queue->waiting()});
    if (served.payload != nullptr) metrics.back().payload = served.payload->counts();
  }
  return metrics;
}

}  // namespace keelson::wire::inference
