#include "app/roles/garbage_rounds.h"

#include <utility>

#include "base/log.h"
#include "io/files.h"
#include "wire/api/gc_body.h"

namespace keelson::app {
namespace {

constexpr std::size_t kRules = 1UL << 20;  // bytes

void Collect(const wire::api::GcBody& rules, io::Database& database, const Clock& clock,
             tracking::ArtifactStore& artifacts) {
  const auto gone = tracking::CollectGarbage(database, clock, artifacts, rules.policy, rules.dry_run);
  if (!gone) return LogError("garbage could not be removed", {{"error", gone.error().ToString()}});
  std::uint64_t bytes = 0;
  for (const auto& item : *gone) {
    bytes += item.bytes;
    LogInfo(
        rules.dry_run ? "would be removed" : "removed",
        {{"kind", std::string(tracking::NameOf(item.kind))}, {"id", item.id}, {"bytes", std::to_string(item.bytes)}});
  }
  LogInfo("looked for garbage", {{"things", std::to_string(gone->size())}, {"bytes", std::to_string(bytes)}});
}

}  // namespace

Rounds::Rounds(Duration every, std::function<void()> work)
    : thread_([this, every, work = std::move(work)] { Run(every, work); }) {}

Rounds::~Rounds() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  ending_.notify_one();
  thread_.join();
}

void Rounds::Run(Duration every, const std::function<void()>& work) {
  std::unique_lock lock(mutex_);
  while (!ended_) {
    lock.unlock();
    work();
    lock.lock();
    ending_.wait_for(lock, every, [this] { return ended_; });
  }
}

Result<std::unique_ptr<Rounds>> StartGarbageRounds(const GarbageOptions& options, io::Database& database,
                                                   const Clock& clock, tracking::ArtifactStore& artifacts) {
  if (options.rules.empty()) return nullptr;
  const auto every = ParseDuration(options.every);
  if (!every || *every < std::chrono::seconds(1)) {
    return Fail(ErrorCode::kInvalidArgument, "--gc-every is no time of at least a second", options.every);
  }
  KEELSON_ASSIGN_OR_RETURN(const std::string text, io::ReadFile(options.rules, kRules));
  auto rules = wire::api::ReadGcBody(text);
  if (!rules) return Fail(rules.error().code, rules.error().ToString(), options.rules);
  return std::make_unique<Rounds>(*every, [rules = *std::move(rules), &database, &clock, &artifacts] {
    Collect(rules, database, clock, artifacts);
  });
}

}  // namespace keelson::app
