#pragma once

#include <string>
#include <string_view>

#include "io/database.h"
#include "tracking/records.h"

namespace keelson::tracking {

// A prompt of MLflow's is a registered model with tags that say so; its template is a tag of each version.

inline constexpr std::string_view kPromptTag = "mlflow.prompt.is_prompt";  // "true", in any case
inline constexpr std::string_view kPromptTemplateTag = "mlflow.prompt.text";

bool IsPrompt(const Pairs& tags);  // of a model or of a version; the last of a key counts
Result<bool> IsPrompt(io::SqlSession& session, const std::string& model);
bool IsTagOfPrompts(std::string_view key);  // one of those that make it a prompt, not one of its user's

}  // namespace keelson::tracking
