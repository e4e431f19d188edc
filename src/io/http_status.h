#pragma once

#include "base/result.h"

namespace keelson::io {

// The status that an error of this kind has where a protocol does not say otherwise.
int HttpStatusOf(ErrorCode code);

}  // namespace keelson::io
