#include "serving/threshold_codes.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace keelson::serving {

std::vector<std::vector<float>> SearchLevels(std::span<const float> sorted, std::size_t keys) {
  constexpr float kNone = std::numeric_limits<float>::quiet_NaN();
  std::vector<std::vector<float>> levels;
  std::vector<float> level(sorted.begin(), sorted.end());
  while (true) {
    const std::size_t size = level.size();
    std::vector<float> above;
    for (std::size_t last = keys - 1; last < size; last += keys) above.push_back(level[last]);
    const bool top = size <= keys;
    // Behind the last block stands an empty one, where a value above all of them comes to.
    level.resize((size + keys - 1) / keys * keys + keys, kNone);
    levels.push_back(std::move(level));
    if (top) break;
    level = std::move(above);
  }
  std::reverse(levels.begin(), levels.end());
  return levels;
}

std::size_t CodeTables::memory_bytes() const {
  return lines_.capacity() * sizeof(Line) + levels_.capacity() * sizeof(void*) +
         planes_.capacity() * sizeof(CodePlane) + features_.capacity() * sizeof(CodedFeature);
}

std::size_t ThresholdPlanes::Add(const NarrowNode& split) {
  thresholds_[split.feature()].push_back(split.value);
  splits_.push_back(split);
  return splits_.size() - 1;
}

bool ThresholdPlanes::Finish() {
  for (auto& each : thresholds_) {
    std::sort(each.begin(), each.end());
    each.erase(std::unique(each.begin(), each.end()), each.end());
    if (each.size() > kMaxThresholds) return false;
  }
  std::vector<std::map<Key, std::uint32_t>::iterator> plane_of;
  plane_of.reserve(splits_.size());
  places_.reserve(splits_.size());
  for (const NarrowNode& split : splits_) {
    const auto& known = thresholds_[split.feature()];
    const auto rank =
        static_cast<std::uint32_t>(std::lower_bound(known.begin(), known.end(), split.value) - known.begin());
    plane_of.push_back(planes_.try_emplace({split.feature(), rank / 255, by_missing_ && split.default_right()}).first);
    places_.push_back({0, rank % 255});
  }
  std::uint32_t next = 0;
  for (auto& [key, plane] : planes_) plane = next++;
  for (std::size_t i = 0; i < places_.size(); ++i) places_[i].plane = plane_of[i]->second;
  splits_ = {};
  return true;
}

CodeTables ThresholdPlanes::LayOut(std::size_t keys, std::size_t stride) const {
  constexpr std::size_t kLine = sizeof(CodeTables::Line) / sizeof(float);
  CodeTables tables;
  std::vector<std::size_t> level_lines;
  for (auto plane = planes_.begin(); plane != planes_.end();) {
    const std::uint32_t feature = std::get<0>(plane->first);
    CodedFeature coded{feature, 0, nullptr, nullptr, 0};
    for (; plane != planes_.end() && std::get<0>(plane->first) == feature; ++plane) {
      const auto base = static_cast<std::uint16_t>(std::get<1>(plane->first) * 255);
      const auto offset = static_cast<std::uint32_t>(plane->second * stride);
      tables.planes_.push_back({offset, base, std::get<2>(plane->first)});
      ++coded.plane_count;
    }
    for (const auto& level : SearchLevels(thresholds_[feature], keys)) {
      level_lines.push_back(tables.lines_.size());
      tables.lines_.resize(tables.lines_.size() + (level.size() + kLine - 1) / kLine);
      std::memcpy(tables.lines_[level_lines.back()].keys, level.data(), level.size() * sizeof(float));
      ++coded.levels;
    }
    tables.features_.push_back(coded);
  }
  for (const std::size_t line : level_lines) tables.levels_.push_back(tables.lines_[line].keys);
  std::size_t level = 0;
  std::size_t plane = 0;
  for (CodedFeature& feature : tables.features_) {
    feature.level = tables.levels_.data() + level;
    feature.planes = tables.planes_.data() + plane;
    level += feature.levels;
    plane += feature.plane_count;
  }
  return tables;
}

}  // namespace keelson::serving
