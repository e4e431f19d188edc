#include "wire/katib/suggestion_service.h"

#include <string>
#include <utility>

#include "wire/katib/algorithm.h"
#include "wire/katib/messages.h"
#include "wire/katib/suggestions.h"

namespace keelson::wire::katib {
namespace {

using io::GrpcCall;

constexpr int kMostWaiting = 256;

void Validate(const std::shared_ptr<GrpcCall>& call, std::string_view message) {
  const auto experiment = ReadValidationRequest(message);
  if (!experiment) return call->Finish(io::GrpcStatusOf(experiment.error()));
  const auto settings = SettingsOf(*experiment);
  if (!settings) return call->Finish(io::GrpcStatusOf(settings.error()));
  call->Answer("");
}

void Answer(GrpcCall& call, const SuggestionsAsked& asked) {
  if (call.ended()) return;
  const auto suggestions = Suggest(asked);
  if (!suggestions) return call.Finish(io::GrpcStatusOf(suggestions.error()));
  call.Answer(WriteSuggestionsReply(*suggestions));
}

}  // namespace

std::unique_ptr<io::GrpcHandler> SuggestionService::Accept(const std::shared_ptr<GrpcCall>& call) {
  const std::string prefix = "/" + std::string(kName) + "/";
  std::string_view method = call->request().method;
  if (!method.starts_with(prefix)) return nullptr;
  method.remove_prefix(prefix.size());
  if (method == "ValidateAlgorithmSettings") return io::MakeUnaryHandler(call, Validate);
  if (method != "GetSuggestions") return nullptr;
  return io::MakeUnaryHandler(call,
                              [this](const auto& asked, std::string_view message) { GetSuggestions(asked, message); });
}

void SuggestionService::GetSuggestions(const std::shared_ptr<GrpcCall>& call, std::string_view message) {
  auto asked = ReadSuggestionsRequest(message);
  if (!asked) return call->Finish(io::GrpcStatusOf(asked.error()));
  if (waiting_.fetch_add(1) >= kMostWaiting) {
    waiting_.fetch_sub(1);
    return call->Finish({io::GrpcCode::kUnavailable, "too many questions wait; ask again later"});
  }
  pool_.Post([this, call, asked = *std::move(asked)] {
    Answer(*call, asked);
    waiting_.fetch_sub(1);
  });
}

}  // namespace keelson::wire::katib
