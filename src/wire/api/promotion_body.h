#pragma once

#include <string>
#include <vector>

#include "control/types.h"
#include "tracking/promotion.h"

namespace keelson::wire::api {

// Promotion rules and approvals as docs/api.md has them. Errors are kInvalidArgument and say where.
Result<std::vector<tracking::PromotionRule>> ReadPromotionRules(const std::string& text);
control::Json PromotionRulesView(const std::vector<tracking::PromotionRule>& rules);

struct ApprovalBody {
  tracking::PromotionTarget target;
  std::string who;
  std::string comment;
};
Result<ApprovalBody> ReadApproval(const std::string& text);
control::Json ApprovalsView(const std::vector<tracking::Approval>& approvals);

}  // namespace keelson::wire::api
