#include "tracking/metric_history.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <span>

namespace keelson::tracking {
namespace {

// A log is folded when it has this many points for each key, so that a block is rewritten for many new points and not
// for each; never before kLeastLog points nor after kMostLog, which is what a reader may have to look through.
constexpr std::size_t kPointsOfKey = 128;
constexpr std::size_t kLeastLog = 4096;
constexpr std::size_t kMostLog = 65'536;
constexpr std::int64_t kMostLogRows = 1024;

using Points = std::vector<HistoryPoint>;

// What names a block: its first point.
struct BlockRow {
  HistoryPoint first;
  HistoryPoint last;
  std::size_t points = 0;
};

constexpr std::string_view kBlockColumns =
    "first_step, first_ms, first_value, first_nan, last_step, last_ms, last_value, last_nan, points";

BlockRow BlockOf(std::int64_t key, const io::SqlRow& row) {
  const auto point = [&](std::size_t at) {
    return HistoryPoint{key, io::AsInt(row[at]), io::AsInt(row[at + 1]), io::AsDouble(row[at + 2]),
                        io::AsInt(row[at + 3]) != 0};
  };
  return {point(0), point(4), static_cast<std::size_t>(io::AsInt(row[8]))};
}

void SortOnce(Points& points) {
  std::ranges::sort(points, std::less<HistoryPoint>());
  points.erase(std::unique(points.begin(), points.end()), points.end());
}

Status AddPacked(std::string_view bytes, Points& points) {
  KEELSON_ASSIGN_OR_RETURN(const PackedPoints packed, PackedPoints::Open(bytes));
  points.reserve(points.size() + packed.size());
  for (std::size_t i = 0; i < packed.size(); ++i) points.push_back(packed.At(i));
  return {};
}

bool IsWithin(const StepRange& steps, const HistoryPoint& point) {
  return !steps || (point.step >= steps->first && point.step <= steps->second);
}

// Those of one key in the run's log.
Result<Points> ReadLog(io::SqlSession& session, std::int64_t run, std::int64_t key, const StepRange& steps) {
  Points points;
  KEELSON_RETURN_IF_ERROR(
      session.ForEach("SELECT data FROM metric_log WHERE run = ?", {run}, [&](const io::SqlRow& row) -> Status {
        KEELSON_ASSIGN_OR_RETURN(const PackedPoints packed, PackedPoints::Open(io::AsBytes(row[0])));
        for (std::size_t i = 0; i < packed.size(); ++i) {
          const HistoryPoint point = packed.At(i);
          if (point.key == key && IsWithin(steps, point)) points.push_back(point);
        }
        return {};
      }));
  SortOnce(points);
  return points;
}

std::vector<io::SqlValue> Name(std::int64_t run, const HistoryPoint& first) {
  return {run, first.key, first.step, first.time_ms, first.value, std::int64_t{first.is_nan}};
}

constexpr std::string_view kNamed =
    "run = ? AND key = ? AND first_step = ? AND first_ms = ? AND first_value = ? AND first_nan = ?";

Status PutBlocks(io::SqlSession& session, std::int64_t run, std::span<const HistoryPoint> points) {
  for (; !points.empty(); points = points.subspan(std::min(points.size(), kBlockPoints))) {
    const auto block = points.first(std::min(points.size(), kBlockPoints));
    const HistoryPoint& last = block.back();
    std::vector<io::SqlValue> values = Name(run, block.front());
    for (io::SqlValue value :
         {io::SqlValue(last.step), io::SqlValue(last.time_ms), io::SqlValue(last.value),
          io::SqlValue(std::int64_t{last.is_nan}), io::SqlValue(static_cast<std::int64_t>(block.size())),
          io::SqlValue(io::SqlBlob{PackPoints(block)})}) {
      values.push_back(std::move(value));
    }
    KEELSON_RETURN_IF_ERROR(
        session.Execute("INSERT INTO metric_block VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values));
  }
  return {};
}

// Merges sorted points of one key, none twice, into its blocks: with the block before them when they reach into it or
// it has room, and with every block that begins among them.
Status MergeIntoBlocks(io::SqlSession& session, std::int64_t run, std::span<const HistoryPoint> fresh) {
  const std::int64_t key = fresh.front().key;
  Points merged(fresh.begin(), fresh.end());
  std::vector<HistoryPoint> replaced;
  const auto take = [&](const io::SqlRow& row) -> Status {
    const BlockRow block = BlockOf(key, row);
    replaced.push_back(block.first);
    return AddPacked(io::AsBytes(row[9]), merged);
  };
  constexpr std::string_view kPlace = "(first_step, first_ms, first_value, first_nan)";
  const std::string select =
      std::string("SELECT ").append(kBlockColumns).append(", data FROM metric_block WHERE run = ? AND key = ? AND ");
  static const std::string before = select + std::string(kPlace) +
                                    " <= (?, ?, ?, ?) ORDER BY first_step DESC, first_ms DESC, first_value DESC, "
                                    "first_nan DESC LIMIT 1";
  static const std::string among =
      select + std::string(kPlace) + " > (?, ?, ?, ?) AND " + std::string(kPlace) + " <= (?, ?, ?, ?)";
  std::vector<io::SqlValue> values = Name(run, fresh.front());
  KEELSON_RETURN_IF_ERROR(session.ForEach(before, values, [&](const io::SqlRow& row) -> Status {
    const BlockRow block = BlockOf(key, row);
    if (block.last < fresh.front() && block.points >= kBlockPoints) return {};
    return take(row);
  }));
  const HistoryPoint& end = fresh.back();
  for (io::SqlValue value : {io::SqlValue(end.step), io::SqlValue(end.time_ms), io::SqlValue(end.value),
                             io::SqlValue(std::int64_t{end.is_nan})}) {
    values.push_back(std::move(value));
  }
  KEELSON_RETURN_IF_ERROR(session.ForEach(among, values, take));
  SortOnce(merged);
  for (const HistoryPoint& first : replaced) {
    KEELSON_RETURN_IF_ERROR(
        session.Execute(std::string("DELETE FROM metric_block WHERE ").append(kNamed), Name(run, first)));
  }
  return PutBlocks(session, run, merged);
}

// The blocks of a key that have a point of those steps, in order.
Result<std::vector<BlockRow>> ReadBlocks(io::SqlSession& session, std::int64_t run, std::int64_t key,
                                         const StepRange& steps) {
  constexpr auto kLeast = std::numeric_limits<std::int64_t>::min();
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  std::vector<BlockRow> blocks;
  static const std::string sql =
      std::string("SELECT ")
          .append(kBlockColumns)
          .append(
              " FROM metric_block WHERE run = ? AND key = ? AND first_step <= ? AND last_step >= ? "
              "ORDER BY first_step, first_ms, first_value, first_nan");
  KEELSON_RETURN_IF_ERROR(session.ForEach(sql, {run, key, steps ? steps->second : kMost, steps ? steps->first : kLeast},
                                          [&](const io::SqlRow& row) -> Status {
                                            blocks.push_back(BlockOf(key, row));
                                            return {};
                                          }));
  return blocks;
}

Result<std::string> ReadData(io::SqlSession& session, std::int64_t run, const BlockRow& block) {
  static const std::string sql = std::string("SELECT data FROM metric_block WHERE ").append(kNamed);
  KEELSON_ASSIGN_OR_RETURN(auto rows, session.Query(sql, Name(run, block.first)));
  return std::get<io::SqlBlob>(std::move(rows.at(0)[0])).bytes;
}

// The place of sample `i` of `wanted` among `count` points.
std::size_t PlaceOf(std::size_t i, std::size_t wanted, std::size_t count) {
  if (i + 1 == wanted) return count - 1;
  const std::size_t size = count / wanted;
  return i * size + std::min(i, count % wanted);
}

}  // namespace

Status AppendHistory(io::SqlSession& session, std::int64_t run, const std::vector<HistoryPoint>& points,
                     std::size_t keys) {
  if (points.empty()) return {};
  std::int64_t number = 0;
  std::int64_t total = static_cast<std::int64_t>(points.size());
  KEELSON_ASSIGN_OR_RETURN(
      const auto rows,
      session.Query("SELECT number, total FROM metric_log WHERE run = ? ORDER BY number DESC LIMIT 1", {run}));
  if (!rows.empty()) {
    number = io::AsInt(rows[0][0]) + 1;
    total += io::AsInt(rows[0][1]);
  }
  KEELSON_RETURN_IF_ERROR(session.Execute("INSERT INTO metric_log VALUES (?, ?, ?, ?)",
                                          {run, number, total, io::SqlBlob{PackPoints(points)}}));
  const std::size_t enough = std::clamp(keys * kPointsOfKey, kLeastLog, kMostLog);
  if (static_cast<std::size_t>(total) < enough && number + 1 < kMostLogRows) return {};
  return FoldHistory(session, run);
}

Status FoldHistory(io::SqlSession& session, std::int64_t run) {
  Points points;
  KEELSON_RETURN_IF_ERROR(
      session.ForEach("SELECT data FROM metric_log WHERE run = ?", {run},
                      [&](const io::SqlRow& row) { return AddPacked(io::AsBytes(row[0]), points); }));
  SortOnce(points);
  for (auto begin = points.begin(); begin != points.end();) {
    const auto end = std::find_if(begin, points.end(), [&](const HistoryPoint& p) { return p.key != begin->key; });
    KEELSON_RETURN_IF_ERROR(MergeIntoBlocks(session, run, {begin, end}));
    begin = end;
  }
  KEELSON_RETURN_IF_ERROR(session.Execute("DELETE FROM metric_log WHERE run = ?", {run}));
  return {};
}

Result<Points> ReadHistory(io::SqlSession& session, std::int64_t run, std::int64_t key, const StepRange& steps) {
  KEELSON_ASSIGN_OR_RETURN(Points points, ReadLog(session, run, key, steps));
  const auto fresh = static_cast<std::ptrdiff_t>(points.size());
  KEELSON_ASSIGN_OR_RETURN(const auto blocks, ReadBlocks(session, run, key, steps));
  for (const BlockRow& block : blocks) {
    KEELSON_ASSIGN_OR_RETURN(const std::string data, ReadData(session, run, block));
    KEELSON_ASSIGN_OR_RETURN(const PackedPoints packed, PackedPoints::Open(data));
    for (std::size_t i = 0; i < packed.size(); ++i) {
      if (const HistoryPoint point = packed.At(i); IsWithin(steps, point)) points.push_back(point);
    }
  }
  std::inplace_merge(points.begin(), points.begin() + fresh, points.end());
  points.erase(std::unique(points.begin(), points.end()), points.end());
  return points;
}

Result<Points> SampleHistory(io::SqlSession& session, std::int64_t run, std::int64_t key, std::size_t at_most,
                             const StepRange& steps) {
  KEELSON_ASSIGN_OR_RETURN(const Points fresh, ReadLog(session, run, key, steps));
  KEELSON_ASSIGN_OR_RETURN(const auto blocks, ReadBlocks(session, run, key, steps));
  std::size_t count = fresh.size();
  bool plain = blocks.empty() || fresh.empty() || blocks.back().last < fresh.front();
  for (const BlockRow& block : blocks) {
    count += block.points;
    plain = plain && IsWithin(steps, block.first) && IsWithin(steps, block.last);
  }
  Points chosen;
  if (!plain) {  // blocks of which a part counts, or late points that belong between others
    KEELSON_ASSIGN_OR_RETURN(const Points all, ReadHistory(session, run, key, steps));
    const std::size_t wanted = std::min(at_most, all.size());
    for (std::size_t i = 0; i < wanted; ++i) chosen.push_back(all[PlaceOf(i, wanted, all.size())]);
    return chosen;
  }
  const std::size_t wanted = std::min(at_most, count);
  std::size_t begin = 0;
  for (const BlockRow& block : blocks) {
    const std::size_t end = begin + block.points;
    std::string data;
    PackedPoints packed;
    while (chosen.size() < wanted) {
      const std::size_t place = PlaceOf(chosen.size(), wanted, count);
      if (place >= end) break;
      if (data.empty()) {
        KEELSON_ASSIGN_OR_RETURN(data, ReadData(session, run, block));
        KEELSON_ASSIGN_OR_RETURN(packed, PackedPoints::Open(data));
        if (packed.size() != block.points) {
          return Fail(ErrorCode::kDataLoss, "a block of a metric's history is damaged: run `keelson doctor`");
        }
      }
      chosen.push_back(packed.At(place - begin));
    }
    begin = end;
  }
  while (chosen.size() < wanted) chosen.push_back(fresh[PlaceOf(chosen.size(), wanted, count) - begin]);
  return chosen;
}

Status FoldFormerRows(io::SqlSession& session) {
  Points points;
  std::int64_t run = 0;
  const auto put = [&]() -> Status {
    KEELSON_RETURN_IF_ERROR(PutBlocks(session, run, points));
    points.clear();
    return {};
  };
  KEELSON_RETURN_IF_ERROR(session.ForEach(
      "SELECT run, key, step, time_ms, value, is_nan FROM metric_row ORDER BY run, key, step, time_ms, value, is_nan",
      {}, [&](const io::SqlRow& row) -> Status {
        const std::int64_t of = io::AsInt(row[0]);
        const HistoryPoint point{io::AsInt(row[1]), io::AsInt(row[2]), io::AsInt(row[3]), io::AsDouble(row[4]),
                                 io::AsInt(row[5]) != 0};
        const bool full = points.size() == kBlockPoints;
        if (!points.empty() && (full || of != run || points.front().key != point.key)) KEELSON_RETURN_IF_ERROR(put());
        run = of;
        points.push_back(point);
        return {};
      }));
  return put();
}

}  // namespace keelson::tracking
