#pragma once

#include <string_view>

namespace keelson::tracking {

// Who may be promoted (tracking/promotion.h), and of which files there is a version. A version of the
// component's schema (schema.h).
extern const std::string_view kPromotionSchema;

}  // namespace keelson::tracking
