#include "tracking/run_index.h"

#include <malloc.h>

#include <algorithm>

#include "base/log.h"
#include "tracking/pairs.h"

namespace keelson::tracking {
namespace {

constexpr std::int64_t kChunk = 2048;  // runs that are read in one transaction

using Texts = std::vector<std::pair<std::string, std::string>>;

}  // namespace

Status MarkChanged(io::SqlSession& session, std::int64_t run) {
  KEELSON_RETURN_IF_ERROR(session.Execute("DELETE FROM run_change WHERE run = ?", {run}));
  KEELSON_RETURN_IF_ERROR(session.Execute("INSERT INTO run_change (run) VALUES (?)", {run}));
  return {};
}

std::size_t RunIndex::Columns::bytes() const {
  constexpr std::size_t kColumn = 256;  // of the maps, about
  std::size_t all = rows.size() * (sizeof(Rows) + sizeof(void*)) + experiments.size() * 64;
  for (const auto& [key, column] : metrics) all += column.bytes() + kColumn;
  for (const auto* texts : {&params, &tags}) {
    for (const auto& [key, column] : *texts) all += column.bytes() + kColumn + key.size();
  }
  return all;
}

void RunIndex::Columns::Put(std::size_t run, const Image& image) {
  const std::size_t piece = run / kPieceRows;
  if (piece >= rows.size()) rows.resize(piece + 1);
  if (rows[piece] == nullptr) rows[piece] = std::make_unique<Rows>();
  const std::size_t row = run % kPieceRows;
  const bool known = rows[piece]->state[row] != 0;
  if (!image.there) {
    rows[piece]->state[row] = 0;
  } else {
    const auto [place, added] =
        experiment_places.try_emplace(image.experiment, static_cast<std::uint32_t>(experiments.size()));
    if (added) experiments.push_back(image.experiment);
    rows[piece]->started_ms[row] = image.started_ms;
    rows[piece]->experiment[row] = place->second;
    rows[piece]->state[row] = static_cast<std::uint8_t>(kThere | (image.deleted ? kDeleted : 0) |
                                                        (static_cast<unsigned>(image.status) << kStatusShift));
  }
  if (known) {  // what it had and has no more: metrics and params stay, but for a run that is gone
    for (auto& [key, column] : tags) column.Set(run, std::nullopt);
    if (!image.there) {
      for (auto& [key, column] : params) column.Set(run, std::nullopt);
      for (auto& [key, column] : metrics) column.Set(run, {});
    }
  }
  for (const auto& [key, value] : image.metrics) metrics[key].Set(run, value);
  for (const auto& [key, value] : image.params) params[key].Set(run, value);
  for (const auto& [key, value] : image.tags) tags[key].Set(run, value);
}

Result<std::vector<RunIndex::Image>> RunIndex::ReadImages(io::SqlSession& session, std::int64_t first,
                                                          std::int64_t last) {
  std::vector<Image> images(static_cast<std::size_t>(last - first + 1));
  const std::vector<io::SqlValue> range = {first, last};
  const auto of = [&](const io::SqlRow& row) -> Image& {
    return images[static_cast<std::size_t>(io::AsInt(row[0]) - first)];
  };
  KEELSON_RETURN_IF_ERROR(session.ForEach(
      "SELECT sequence, experiment_id, status, started_ms, lifecycle FROM run WHERE sequence BETWEEN ? AND ?", range,
      [&](const io::SqlRow& row) -> Status {
        Image& image = of(row);
        image.there = true;
        image.experiment = io::AsInt(row[1]);
        image.status = RunStatusNamed(io::AsText(row[2]));
        image.started_ms = io::AsInt(row[3]);
        image.deleted = LifecycleNamed(io::AsText(row[4])) == Lifecycle::kDeleted;
        return {};
      }));
  KEELSON_RETURN_IF_ERROR(session.ForEach("SELECT run, key, value, is_nan FROM latest_metric WHERE run BETWEEN ? AND ?",
                                          range, [&](const io::SqlRow& row) -> Status {
                                            using Value = MetricColumn::Value;
                                            const bool nan = io::AsInt(row[3]) != 0;
                                            of(row).metrics.emplace_back(
                                                io::AsInt(row[1]),
                                                Value{nan ? Value::kNan : Value::kNumber, io::AsDouble(row[2])});
                                            return {};
                                          }));
  const auto read_texts = [&](std::string_view sql, Texts Image::*texts) {
    return session.ForEach(sql, range, [&](io::SqlRow& row) -> Status {
      (of(row).*texts).emplace_back(std::get<std::string>(std::move(row[1])), std::get<std::string>(std::move(row[2])));
      return {};
    });
  };
  KEELSON_RETURN_IF_ERROR(read_texts("SELECT run, key, value FROM param WHERE run BETWEEN ? AND ?", &Image::params));
  KEELSON_RETURN_IF_ERROR(read_texts("SELECT run, key, value FROM run_tag WHERE run BETWEEN ? AND ?", &Image::tags));
  return images;
}

Result<RunIndex::Changes> RunIndex::ReadChanges(io::SqlSession& session, std::int64_t behind, std::size_t at_most) {
  Changes changes;
  changes.last = behind;
  KEELSON_ASSIGN_OR_RETURN(const auto rows,
                           session.Query("SELECT number, run FROM run_change WHERE number > ? ORDER BY number LIMIT ?",
                                         {behind, static_cast<std::int64_t>(at_most) + 1}));
  changes.too_many = rows.size() > at_most;
  for (const auto& row : rows) {
    if (changes.images.size() == at_most) break;
    const std::int64_t run = io::AsInt(row[1]);
    KEELSON_ASSIGN_OR_RETURN(auto images, ReadImages(session, run, run));
    changes.images.emplace_back(run, std::move(images[0]));
    changes.last = io::AsInt(row[0]);
  }
  return changes;
}

void RunIndex::Apply(std::int64_t behind, const Changes& changes) {
  const std::unique_lock lock(columns_mutex_);
  if (columns_ == nullptr || columns_->change != behind) return;  // another thread has done it
  for (const auto& [run, image] : changes.images) columns_->Put(static_cast<std::size_t>(run), image);
  columns_->change = changes.last;
}

RunIndex::RunIndex(io::Database& database, Options options)
    : database_(database), options_(options), asked_(std::chrono::steady_clock::now()), thread_([this] { Work(); }) {}

RunIndex::~RunIndex() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

bool RunIndex::Stopping() {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

void RunIndex::WaitUntilBuilt() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return settled_; });
}

std::size_t RunIndex::bytes() const {
  const std::shared_lock lock(columns_mutex_);
  return columns_ == nullptr ? 0 : columns_->bytes();
}

// Chunk by chunk, each in a transaction of its own: what changes meanwhile has a later number in run_change.
Status RunIndex::Build() {
  auto columns = std::make_unique<Columns>();
  std::int64_t last = 0;
  KEELSON_RETURN_IF_ERROR(database_.Read([&](io::SqlSession& session) -> Status {
    KEELSON_ASSIGN_OR_RETURN(const auto rows, session.Query("SELECT (SELECT coalesce(max(number), 0) FROM run_change), "
                                                            "(SELECT coalesce(max(sequence), 0) FROM run)"));
    columns->change = io::AsInt(rows.at(0)[0]);
    last = io::AsInt(rows[0][1]);
    return {};
  }));
  for (std::int64_t first = 1;; first += kChunk) {
    if (Stopping()) return {};
    if (columns->bytes() >= options_.most_bytes) {
      LogWarning("the index of runs would be too large: searches are answered by the database",
                 {{"bytes", std::to_string(columns->bytes())}});
      const std::lock_guard lock(mutex_);
      too_large_ = true;
      return {};
    }
    if (first > last) break;
    std::vector<Image> images;
    KEELSON_RETURN_IF_ERROR(database_.Read([&](io::SqlSession& session) -> Status {
      KEELSON_ASSIGN_OR_RETURN(images, ReadImages(session, first, std::min(first + kChunk - 1, last)));
      return {};
    }));
    for (std::size_t i = 0; i < images.size(); ++i) {
      if (images[i].there) columns->Put(static_cast<std::size_t>(first) + i, images[i]);
    }
  }
  {
    const std::unique_lock lock(columns_mutex_);
    columns_ = std::move(columns);
  }
  malloc_trim(0);  // what the reading took
  return CatchUp();
}

Status RunIndex::CatchUp() {
  for (bool more = true; more && !Stopping();) {
    std::int64_t behind = 0;
    {
      const std::shared_lock lock(columns_mutex_);
      if (columns_ == nullptr) return {};
      behind = columns_->change;
    }
    Changes changes;
    KEELSON_RETURN_IF_ERROR(database_.Read([&](io::SqlSession& session) -> Status {
      KEELSON_ASSIGN_OR_RETURN(changes, ReadChanges(session, behind, static_cast<std::size_t>(kChunk)));
      return {};
    }));
    Apply(behind, changes);
    more = changes.too_many;
  }
  const std::unique_lock lock(columns_mutex_);
  if (columns_ != nullptr && columns_->bytes() >= options_.most_bytes) columns_ = nullptr;
  return {};
}

void RunIndex::Work() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const bool idle = std::chrono::steady_clock::now() - asked_ > options_.idle;
    const bool wanted = wanted_ && !too_large_;
    wanted_ = false;
    lock.unlock();
    bool built = false;
    {
      const std::unique_lock columns_lock(columns_mutex_);
      if (idle && columns_ != nullptr) {
        columns_ = nullptr;
        malloc_trim(0);
      }
      built = columns_ != nullptr;
    }
    Status done;
    if (built) {
      done = CatchUp();
    } else if (wanted) {
      done = Build();
    }
    if (!done.has_value()) LogWarning("the index of runs was not built", {{"error", done.error().ToString()}});
    lock.lock();
    settled_ = settled_ || wanted;
    changed_.notify_all();
    changed_.wait_for(lock, options_.period, [&] { return stopping_ || wanted_; });
  }
}

}  // namespace keelson::tracking
