#pragma once

#include <string>

namespace keelson::tracking {

// A random UUID (version 4 of RFC 9562), as MLflow names what it does not name by plain digits.
std::string RandomUuid();

}  // namespace keelson::tracking
