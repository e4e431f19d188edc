#include "kubernetes/client/mirror.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/log.h"

namespace keelson::kubernetes {
namespace {

using nlohmann::json;

constexpr auto kQuick = std::chrono::seconds(1);

// What others manage no decision looks at, and it is often the larger half of an object.
void DropManagedFields(json& object, const std::string& but_those_of) {
  const auto metadata = object.find("metadata");
  if (metadata == object.end() || !metadata->is_object()) return;
  const auto fields = metadata->find("managedFields");
  if (fields == metadata->end()) return;
  if (but_those_of.empty() || !fields->is_array()) {
    metadata->erase(fields);
    return;
  }
  std::erase_if(fields->get_ref<json::array_t&>(), [&](const json& entry) {
    return !entry.is_object() || entry.value("manager", json()) != but_those_of;
  });
}

}  // namespace

Mirror::Mirror(ApiClient& client, Kind kind, MirrorOptions options)
    : client_(client), kind_(std::move(kind)), options_(std::move(options)), thread_([this] { Run(); }) {}

Mirror::~Mirror() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    if (connection_ != nullptr) connection_->Interrupt();
    moved_.notify_all();
  }
  thread_.join();
}

bool Mirror::stopping() const {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

std::optional<Mirror::Objects> Mirror::Snapshot() const {
  const std::lock_guard lock(mutex_);
  return objects_;
}

std::optional<Error> Mirror::problem() const {
  const std::lock_guard lock(mutex_);
  return problem_;
}

Mirror::Counts Mirror::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

std::optional<Mirror::Objects> Mirror::Await(const std::function<bool(const Objects&)>& holds,
                                             std::chrono::milliseconds at_most) const {
  std::unique_lock lock(mutex_);
  const bool held = moved_.wait_for(lock, at_most, [&] { return objects_ && holds(*objects_); });
  return held ? objects_ : std::nullopt;
}

bool Mirror::Pause(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return !moved_.wait_for(lock, time, [&] { return stopping_; });
}

void Mirror::Changed() {
  moved_.notify_all();
  if (options_.on_change) options_.on_change();
}

bool Mirror::Rest(int times, Error why) {
  {
    const std::lock_guard lock(mutex_);
    problem_ = std::move(why);
  }
  // What a list was told to wait only the client knows.
  const auto asked =
      std::chrono::ceil<std::chrono::milliseconds>(client_.quiet_until() - client_.clock().MonotonicNow());
  return Pause(std::max(asked, client_.WaitBefore(times + 1, std::exchange(retry_after_, std::nullopt))));
}

void Mirror::Run() {
  int failures = 0;
  int expiries = 0;  // watches in a row that could not go on where the one before, or the list, had ended
  auto next = Next::kList;
  while (!stopping()) {
    if (next == Next::kList) {
      const Status listed = ListAll();
      if (!listed) {
        if (!Rest(++failures, listed.error())) return;
        continue;
      }
      failures = 0;
      next = Next::kWatch;
      continue;
    }
    const auto watched = Watch();
    if (!watched) {
      if (!Rest(++failures, watched.error())) return;
      continue;
    }
    failures = 0;
    next = *watched;
    if (next == Next::kWatch) {
      expiries = 0;
      if (client_.clock().MonotonicNow() - listed_ >= options_.relist) next = Next::kList;
    } else if (++expiries > 1) {  // each list is a large question: the first comes at once, the others take their time
      if (!Rest(expiries - 1, {.code = ErrorCode::kAborted,
                               .message = "the server knows no more what it has just told",
                               .where = kind_.Path(options_.in_namespace)})) {
        return;
      }
    }
  }
}

Status Mirror::ListAll() {
  const auto begun = client_.clock().MonotonicNow();
  auto list = client_.List(kind_, options_.in_namespace,
                           {.label_selector = options_.label_selector,
                            .patience = [this](std::chrono::milliseconds time) { return Pause(time); }});
  if (!list) return std::unexpected(std::move(list).error());
  Objects objects;
  for (json& item : list->items) {
    DropManagedFields(item, options_.keep_fields_of);
    std::pair<std::string, std::string> name(NamespaceOf(item), NameOf(item));
    objects.emplace(std::move(name), std::make_shared<const json>(std::move(item)));
  }
  version_ = list->resource_version;
  listed_ = begun;
  bool same = false;
  {
    const std::lock_guard lock(mutex_);
    ++counts_.lists;
    problem_.reset();
    same = objects_ && std::ranges::equal(*objects_, objects, [](const auto& a, const auto& b) {
             return a.first == b.first && ResourceVersionOf(*a.second) == ResourceVersionOf(*b.second);
           });
    if (!same) objects_ = std::move(objects);
  }
  if (!same) Changed();
  return {};
}

bool Mirror::Store(WatchEvent event) {
  if (const std::string version = ResourceVersionOf(event.object); !version.empty()) version_ = version;
  DropManagedFields(event.object, options_.keep_fields_of);
  std::pair<std::string, std::string> name(NamespaceOf(event.object), NameOf(event.object));
  const std::lock_guard lock(mutex_);
  problem_.reset();
  if (event.type == WatchEvent::Type::kBookmark) return false;
  ++counts_.events;
  if (event.type == WatchEvent::Type::kDeleted) {
    objects_->erase(name);
  } else {
    objects_->insert_or_assign(std::move(name), std::make_shared<const json>(std::move(event.object)));
  }
  return true;
}

Result<Mirror::Next> Mirror::Watch() {
  ApiClient::Call call{.path = kind_.Path(options_.in_namespace),
                       .query = {{"watch", "true"},
                                 {"allowWatchBookmarks", "true"},
                                 {"resourceVersion", version_},
                                 {"timeoutSeconds", fmt::to_string(options_.watch_for.count())}}};
  if (!options_.label_selector.empty()) call.query.emplace_back("labelSelector", options_.label_selector);
  KEELSON_ASSIGN_OR_RETURN(std::shared_ptr<io::InterruptibleConnection> connection, client_.Connect());
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return Next::kWatch;
    connection_ = connection;
    ++counts_.watches;
  }
  const auto begun = client_.clock().MonotonicNow();
  WatchReader reader;
  bool heard = false;
  std::optional<Error> broken;
  std::optional<Problem> problem;
  const auto take = [&](std::vector<WatchEvent> events) {
    bool changed = false;
    for (WatchEvent& event : events) {
      if (event.type == WatchEvent::Type::kError) {
        problem = std::move(event.problem);
        break;
      }
      heard = true;
      changed = Store(std::move(event)) || changed;
    }
    if (changed) Changed();
  };
  const auto answered = client_.Stream(*connection, call, options_.silence, [&](std::string_view piece) {
    if (broken || problem) return;
    auto events = reader.Feed(piece);
    if (events) return take(*std::move(events));
    broken = events.error();
    connection->Interrupt();
  });
  {
    const std::lock_guard lock(mutex_);
    connection_.reset();
    if (stopping_) return Next::kWatch;
  }
  if (!broken && !problem) {
    if (auto last = reader.End()) {
      std::vector<WatchEvent> events;
      events.push_back(*std::move(last));
      take(std::move(events));
    }
  }
  if (problem) {
    if (problem->expired()) return Next::kList;
    retry_after_ = problem->retry_after;
    return std::unexpected(ErrorOf(*problem, call.path));
  }
  if (broken) return std::unexpected(*broken);
  if (!answered && answered.error().code == ErrorCode::kDeadlineExceeded) {
    LogWarning("a watch went silent", {{"path", call.path}, {"from", version_}});
    return Next::kWatch;
  }
  if (!answered) return std::unexpected(answered.error());
  if (*answered == 410) return Next::kList;
  if (*answered != 200) return Fail(ErrorCode::kUnavailable, fmt::format("status {}", *answered), call.path);
  // One that ends at once without a word would be asked for as fast as it ends.
  if (!heard && client_.clock().MonotonicNow() - begun < kQuick)
    return Fail(ErrorCode::kUnavailable, "the watch ended without a word", call.path);
  return Next::kWatch;
}

}  // namespace keelson::kubernetes
