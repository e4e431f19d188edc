#pragma once

#include <string>

#include "base/time.h"

namespace keelson::kubernetes {

// Kubernetes' two ways to write an instant: metav1.Time, whole seconds, and metav1.MicroTime, which always has six
// decimals.
std::string WholeSeconds(Instant instant);
std::string MicroTime(Instant instant);

}  // namespace keelson::kubernetes
