#pragma once

#include <cstddef>
#include <cstdint>

// How a row's values become bytes for the inner loops of BatchForest and RowForest. As batch_kernel.h, this header
// stays free of the standard library's templates.
namespace keelson::serving {

// Where a feature's values become codes: the code is the number of thresholds at or below the value. `levels` counts
// the levels of a search tree with a fixed number of keys a block (the kernel's), the top level first; what a block
// lacks is NaN.
struct CodePlane {
  std::uint32_t offset;  // in the planes
  std::uint16_t base;    // the plane holds code - base, held between 0 and 255
  bool missing_right;    // a missing value is above all thresholds; else below
};
struct CodedFeature {
  std::uint32_t feature;
  std::uint32_t levels;
  const float* const* level;  // `levels` pointers
  const CodePlane* planes;
  std::uint32_t plane_count;
};

// `Lanes` gives kKeys and CountAtOrBelow(keys, value) of kKeys keys.
template <typename Lanes>
inline unsigned CodeOf(const CodedFeature& feature, float value) {
  unsigned code = 0;
  for (std::uint32_t level = 0; level < feature.levels; ++level) {
    const auto block = code * static_cast<unsigned>(Lanes::kKeys);
    code = block + Lanes::CountAtOrBelow(feature.level[level] + block, value);
  }
  return code;
}

}  // namespace keelson::serving
