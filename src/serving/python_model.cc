#include "serving/python_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/hash.h"
#include "base/log.h"

namespace keelson::serving {
namespace {

using std::chrono::milliseconds;

constexpr int kStrikes = 2;
constexpr std::size_t kRemembered = 1'024;  // requests that ended a worker
constexpr milliseconds kFirstPause{200};    // before a worker that could not be started is tried again
constexpr milliseconds kLongestPause{30'000};

std::uint64_t FingerprintOf(std::span<const Tensor* const> inputs) {
  std::string all;
  for (const Tensor* tensor : inputs) {
    if (tensor == nullptr) continue;
    all += tensor->name + tensor->ShapeText();
    WriteBinary(*tensor, &all);
  }
  return StableHash(all);
}

}  // namespace

Result<std::unique_ptr<const PythonModel>> PythonModel::Start(PythonOptions options, std::string folder) {
  std::unique_ptr<PythonModel> model(new PythonModel(std::move(options), std::move(folder)));
  for (std::size_t i = 0; i < std::max<std::size_t>(1, model->options_.workers); ++i) {
    KEELSON_ASSIGN_OR_RETURN(auto worker, PythonWorker::Start(model->options_, model->folder_));
    model->memory_bytes_ += io::ProportionalSetSizeKb(worker->pid()).value_or(0) << 10;
    model->pids_.push_back(worker->pid());
    model->idle_.push_back(std::move(worker));
  }
  model->inputs_ = model->idle_.front()->inputs();
  model->outputs_ = model->idle_.front()->outputs();
  model->scores_ = model->idle_.front()->scores();
  model->supervisor_ = std::thread([raw = model.get()] { raw->Supervise(); });
  return std::unique_ptr<const PythonModel>(std::move(model));
}

PythonModel::~PythonModel() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (supervisor_.joinable()) supervisor_.join();
}

std::size_t PythonModel::memory_bytes() const {
  return memory_bytes_;
}

std::vector<pid_t> PythonModel::worker_pids() const {
  const std::lock_guard lock(mutex_);
  return pids_;
}

std::size_t PythonModel::restarts() const {
  const std::lock_guard lock(mutex_);
  return restarts_;
}

Result<std::unique_ptr<PythonWorker>> PythonModel::Take() const {
  std::unique_lock lock(mutex_);
  if (waiting_ >= options_.queue) {
    return Fail(ErrorCode::kResourceExhausted, fmt::format("{} requests wait for the model already", waiting_));
  }
  const auto ended = [&] {  // those that were killed while nobody asked them
    return std::erase_if(idle_, [&](const auto& worker) {
      if (worker->Waits()) return false;
      std::erase(pids_, worker->pid());
      ++missing_;
      return true;
    });
  };
  ++waiting_;
  const bool got = changed_.wait_for(lock, options_.call_timeout, [&] {
    if (ended() != 0) changed_.notify_all();
    return !idle_.empty();
  });
  --waiting_;
  if (!got) {
    return Fail(ErrorCode::kUnavailable,
                start_error_.empty() ? "no Python process of the model became free in time" : start_error_);
  }
  auto worker = std::move(idle_.back());
  idle_.pop_back();
  return worker;
}

void PythonModel::Return(std::unique_ptr<PythonWorker> worker) const {
  {
    const std::lock_guard lock(mutex_);
    if (worker->usable()) {
      idle_.push_back(std::move(worker));
    } else {
      std::erase(pids_, worker->pid());
      ++missing_;
    }
  }
  changed_.notify_all();
}

Status PythonModel::CheckQuarantine(std::uint64_t fingerprint) const {
  const std::lock_guard lock(mutex_);
  const auto found = strikes_.find(fingerprint);
  if (found == strikes_.end() || found->second < kStrikes) return {};
  return Fail(
      ErrorCode::kInvalidArgument,
      fmt::format("this very request ended the model's Python process {} times and is not tried again", kStrikes));
}

bool PythonModel::Strike(std::uint64_t fingerprint) const {
  const std::lock_guard lock(mutex_);
  if (!strikes_.contains(fingerprint)) {
    struck_.push_back(fingerprint);
    if (struck_.size() > kRemembered) {
      strikes_.erase(struck_.front());
      struck_.pop_front();
    }
  }
  return ++strikes_[fingerprint] >= kStrikes;
}

void PythonModel::Forgive(std::uint64_t fingerprint) const {
  const std::lock_guard lock(mutex_);
  if (strikes_.erase(fingerprint) != 0) std::erase(struck_, fingerprint);
}

bool PythonModel::Suspects(std::span<const Tensor> inputs) const {
  {
    const std::lock_guard lock(mutex_);
    if (strikes_.empty()) return false;
  }
  const auto matched = Match(inputs);
  if (!matched) return true;
  const std::uint64_t fingerprint = FingerprintOf(*matched);
  const std::lock_guard lock(mutex_);
  return strikes_.contains(fingerprint);
}

template <typename Question>
auto PythonModel::AskOne(std::uint64_t fingerprint, const Question& question) const
    -> decltype(question(std::declval<PythonWorker&>())) {
  KEELSON_RETURN_IF_ERROR(CheckQuarantine(fingerprint));
  KEELSON_ASSIGN_OR_RETURN(auto worker, Take());
  auto answer = question(*worker);
  const bool lost = !worker->usable();
  Return(std::move(worker));
  if (lost) {
    const std::string reason = answer ? "" : answer.error().message;
    if (Strike(fingerprint)) return Fail(ErrorCode::kInternal, reason + "; this request is not tried again");
    return Fail(ErrorCode::kUnavailable, reason);
  }
  Forgive(fingerprint);
  return answer;
}

Result<ScoredText> PythonModel::Score(std::string_view content_type, std::string_view body) const {
  if (!scores_) return TensorModel::Score(content_type, body);
  const std::uint64_t fingerprint = StableHash(body);
  return AskOne(fingerprint, [&](PythonWorker& worker) { return worker.Score(content_type, body); });
}

Result<std::vector<Tensor>> PythonModel::Infer(std::span<const Tensor> inputs,
                                               std::span<const std::string> wanted) const {
  KEELSON_ASSIGN_OR_RETURN(const auto matched, Match(inputs));
  auto answer = AskOne(FingerprintOf(matched), [&](PythonWorker& worker) { return worker.Ask(matched); });
  if (!answer || wanted.empty()) return answer;
  std::vector<Tensor> chosen;
  for (const auto& name : wanted) {
    const auto found =
        std::find_if(answer->begin(), answer->end(), [&](const Tensor& each) { return each.name == name; });
    if (found == answer->end()) {
      return Fail(ErrorCode::kInvalidArgument, fmt::format("the model gave no output \"{}\"", name));
    }
    chosen.push_back(*found);
  }
  return chosen;
}

void PythonModel::Supervise() {
  milliseconds pause = kFirstPause;
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return stopping_ || missing_ != 0; });
    if (stopping_) return;
    lock.unlock();
    auto worker = PythonWorker::Start(options_, folder_);
    if (!worker) LogError("a Python worker cannot be started", {{"error", worker.error().ToString()}});
    lock.lock();
    if (worker) {
      --missing_;
      ++restarts_;
      pids_.push_back((*worker)->pid());
      idle_.push_back(std::move(*worker));
      start_error_.clear();
      pause = kFirstPause;
      changed_.notify_all();
      continue;
    }
    start_error_ = worker.error().ToString();
    changed_.wait_for(lock, pause, [&] { return stopping_; });
    pause = std::min(2 * pause, kLongestPause);
  }
}

}  // namespace keelson::serving
