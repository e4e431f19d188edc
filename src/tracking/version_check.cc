#include "tracking/version_check.h"

#include <utility>

namespace keelson::tracking {
namespace {

constexpr std::size_t kMost = 10'000;  // remembered

}  // namespace

Status VersionCheck::Check(const std::string& path, const std::string& hash) {
  // Measured first: what is written while it is hashed makes it look changed the next time.
  KEELSON_ASSIGN_OR_RETURN(const auto extent, artifacts_.Measure(path));
  if (!extent) return Fail(ErrorCode::kDataLoss, "the files of this version are gone", path);
  Sound sound{*extent, hash};
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = sound_.find(path); known != sound_.end() && known->second == sound) return {};
  }
  KEELSON_ASSIGN_OR_RETURN(const auto found, artifacts_.Hash(path));
  if (found != hash) {
    return Fail(ErrorCode::kDataLoss, "the files of this version are not those that were registered", path);
  }
  const std::lock_guard lock(mutex_);
  if (sound_.size() >= kMost) sound_.clear();
  sound_[path] = std::move(sound);
  return {};
}

}  // namespace keelson::tracking
