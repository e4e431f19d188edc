#include "tracking/uuid.h"

#include "base/random.h"

namespace keelson::tracking {

std::string RandomUuid() {
  std::string text = RandomId();    // 32 hexadecimal digits
  text[12] = '4';                   // the version
  text[16] = "89ab"[text[16] % 4];  // the variant
  for (const std::size_t dash : {8UZ, 13UZ, 18UZ, 23UZ}) text.insert(dash, 1, '-');
  return text;
}

}  // namespace keelson::tracking
