#include "tracking/prompts.h"

#include "base/strings.h"

namespace keelson::tracking {
namespace {

constexpr std::string_view kType = "_mlflow_prompt_type";

}  // namespace

bool IsPrompt(const Pairs& tags) {
  bool prompt = false;
  for (const auto& [key, value] : tags) {
    if (key == kPromptTag) prompt = ToLower(value) == "true";
  }
  return prompt;
}

Result<bool> IsPrompt(io::SqlSession& session, const std::string& model) {
  KEELSON_ASSIGN_OR_RETURN(const auto rows, session.Query("SELECT value FROM model_tag WHERE model = ? AND key = ?",
                                                          {model, std::string(kPromptTag)}));
  return !rows.empty() && ToLower(io::AsText(rows[0][0])) == "true";
}

bool IsTagOfPrompts(std::string_view key) {
  return key == kPromptTag || key == kType || key == kPromptTemplateTag;
}

}  // namespace keelson::tracking
