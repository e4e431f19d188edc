// What is answered off the control thread, which it would hold up: it waits for the disk, or for the database.
#include "base/log.h"
#include "base/strings.h"
#include "tracking/promotion.h"
#include "wire/api/api.h"
#include "wire/api/body_reader.h"
#include "wire/api/gc_body.h"
#include "wire/api/promotion_body.h"

namespace keelson::wire::api {

bool Api::IsBeside(RouteId id) {
  switch (id) {
    case RouteId::kBackup:
    case RouteId::kCollectGarbage:
    case RouteId::kGetPromotionRules:
    case RouteId::kSetPromotionRules:
    case RouteId::kListApprovals:
    case RouteId::kApprove:
      return true;
    default:
      return false;
  }
}

Api::Answer Api::RunBeside(RouteId id, const std::vector<std::string>& parts, const std::string& body) {
  if (id == RouteId::kBackup) return BackUp(body);
  if (id == RouteId::kCollectGarbage) return CollectGarbage(body);
  return Promotion(id, parts, body);
}

Api::Answer Api::Promotion(RouteId id, const std::vector<std::string>& parts, const std::string& text) const {
  const std::string& model = parts.at(0);
  if (id == RouteId::kSetPromotionRules) {
    KEELSON_ASSIGN_OR_RETURN(const auto rules, ReadPromotionRules(text));
    KEELSON_RETURN_IF_ERROR(options_.promotions->SetRules(model, rules));
    LogInfo("the promotion rules of a model were set", {{"model", model}, {"rules", std::to_string(rules.size())}});
  }
  if (id == RouteId::kSetPromotionRules || id == RouteId::kGetPromotionRules) {
    KEELSON_ASSIGN_OR_RETURN(const auto rules, options_.promotions->Rules(model));
    return JsonResponse(PromotionRulesView(rules));
  }
  const auto version = ParseInt(parts.at(1));
  if (!version) return Fail(ErrorCode::kInvalidArgument, "expected the number of a version", parts.at(1));
  if (id == RouteId::kApprove) {
    KEELSON_ASSIGN_OR_RETURN(const ApprovalBody body, ReadApproval(text));
    KEELSON_RETURN_IF_ERROR(options_.promotions->Approve(model, *version, body.target, body.who, body.comment));
  }
  KEELSON_ASSIGN_OR_RETURN(const auto approvals, options_.promotions->Approvals(model, *version));
  return JsonResponse(ApprovalsView(approvals));
}

Api::Answer Api::BackUp(const std::string& text) const {
  KEELSON_ASSIGN_OR_RETURN(BodyReader body, BodyReader::Parse(text));
  KEELSON_ASSIGN_OR_RETURN(const std::string folder, body.Text("folder"));
  KEELSON_RETURN_IF_ERROR(body.Done());
  KEELSON_RETURN_IF_ERROR(options_.backup(folder));
  return JsonResponse({{"path", folder}});
}

Api::Answer Api::CollectGarbage(const std::string& text) const {
  KEELSON_ASSIGN_OR_RETURN(const GcBody body, ReadGcBody(text));
  KEELSON_ASSIGN_OR_RETURN(const auto items, options_.collect_garbage(body.policy, body.dry_run));
  return JsonResponse(GcAnswer(body, items));
}

}  // namespace keelson::wire::api
