// Compiled for AVX-512 (F, BW, VL, DQ, VBMI), called only where the processor has it.
#include <immintrin.h>

#include "serving/row_kernel_body.h"

namespace keelson::serving {
namespace {

struct Avx512 {
  static constexpr std::size_t kKeys = 16;
  static constexpr std::size_t kPlanes = 128;
  static constexpr std::size_t kFewPlanes = 64;
  static constexpr std::uint8_t kFlip = 0;
  using Bytes = __m512i;

  template <std::size_t kCount>
  struct Table {
    explicit Table(const std::uint8_t* bytes)
        : low(_mm512_load_si512(bytes)), high(kCount > 64 ? _mm512_load_si512(bytes + 64) : low) {}
    Bytes At(const std::uint8_t* nodes) const {
      const __m512i planes = _mm512_load_si512(nodes);
      if constexpr (kCount > 64) return _mm512_permutex2var_epi8(low, planes, high);
      return _mm512_permutexvar_epi8(planes, low);
    }
    __m512i low;
    __m512i high;
  };

  static std::uint64_t Above(Bytes bytes, const std::uint8_t* thresholds) {
    return _mm512_cmpgt_epu8_mask(bytes, _mm512_load_si512(thresholds));
  }
  static std::uint64_t Set(Bytes bytes) { return _mm512_test_epi8_mask(bytes, bytes); }
  static unsigned CountAtOrBelow(const float* keys, float value) {
    return static_cast<unsigned>(
        __builtin_popcount(_mm512_cmp_ps_mask(_mm512_load_ps(keys), _mm512_set1_ps(value), _CMP_LE_OQ)));
  }
};

}  // namespace

const RowKernel kAvx512RowKernel = kRowBodyOf<Avx512>;

}  // namespace keelson::serving
