#pragma once

#include <string_view>

namespace keelson::tracking {

// Tables of webhooks and of what is still to be sent to them.
extern const std::string_view kWebhookSchema;

}  // namespace keelson::tracking
