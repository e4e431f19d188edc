#include "wire/katib/suggestion_service.h"

#include <gtest/gtest.h>

#include "io/grpc_call_testing.h"
#include "io/grpc_reflection.h"
#include "io/protobuf_testing.h"
#include "wire/katib/messages.h"

namespace keelson::wire::katib {
namespace {

constexpr const char* kExperiment =
    "experiment { name: 'e' spec { algorithm { algorithm_name: 'random' } parameter_specs { parameters { name: 'x' "
    "parameter_type: INT feasible_space { min: '4' max: '4' } } } } } ";

class KatibService : public testing::Test {
 protected:
  std::shared_ptr<io::LocalGrpcCall> Ask(const std::string& method, const std::string& message) {
    auto call = std::make_shared<io::LocalGrpcCall>("/api.v1.beta1.Suggestion/" + method);
    auto ended = call->end.get_future();
    const auto handler = service_.Accept(call);
    EXPECT_NE(handler, nullptr);
    handler->OnMessage(message);
    ended.wait();
    return call;
  }

  io::ProtobufMessages protobuf_{KatibDescriptors(), "api.v1.beta1"};
  SuggestionService service_{2};
};

TEST_F(KatibService, Suggests) {
  const auto call = Ask("GetSuggestions", protobuf_.Bytes("GetSuggestionsRequest",
                                                          std::string(kExperiment) + "current_request_number: 2"));
  ASSERT_TRUE(call->finished->ok()) << call->finished->message;
  EXPECT_EQ(protobuf_.Text("GetSuggestionsReply", call->written.at(0)),
            "parameter_assignments { assignments { name: \"x\" value: \"4\" } } "
            "parameter_assignments { assignments { name: \"x\" value: \"4\" } }");
}

TEST_F(KatibService, Validates) {
  const auto fine = Ask("ValidateAlgorithmSettings", protobuf_.Bytes("ValidateAlgorithmSettingsRequest", kExperiment));
  EXPECT_TRUE(fine->finished->ok());
  EXPECT_EQ(fine->written, std::vector<std::string>{""});
  const auto wrong = Ask("ValidateAlgorithmSettings",
                         protobuf_.Bytes("ValidateAlgorithmSettingsRequest",
                                         "experiment { spec { algorithm { algorithm_name: 'unknown' } } }"));
  EXPECT_EQ(wrong->finished->code, io::GrpcCode::kInvalidArgument);
  EXPECT_EQ(wrong->finished->message, "unknown algorithm name unknown");
}

TEST_F(KatibService, RefusesWhatIsMalformedAndWhatItDoesNotKnow) {
  EXPECT_EQ(Ask("GetSuggestions", "\xff")->finished->code, io::GrpcCode::kInternal);
  EXPECT_EQ(Ask("ValidateAlgorithmSettings", "\xff")->finished->code, io::GrpcCode::kInternal);
  EXPECT_EQ(
      Ask("GetSuggestions", protobuf_.Bytes("GetSuggestionsRequest", "current_request_number: 1"))->finished->code,
      io::GrpcCode::kInvalidArgument);
  for (const char* method : {"/api.v1.beta1.Suggestion/Other", "/api.v1.beta1.Suggestions/GetSuggestions", "/", ""}) {
    EXPECT_EQ(service_.Accept(std::make_shared<io::LocalGrpcCall>(method)), nullptr);
  }
}

TEST_F(KatibService, ManyQuestionsAtOnceAreAnsweredOrRefused) {
  const std::string message =
      protobuf_.Bytes("GetSuggestionsRequest", std::string(kExperiment) + "current_request_number: 1000");
  std::vector<std::shared_ptr<io::LocalGrpcCall>> calls;
  for (int i = 0; i < 600; ++i) {
    calls.push_back(std::make_shared<io::LocalGrpcCall>("/api.v1.beta1.Suggestion/GetSuggestions"));
    service_.Accept(calls.back())->OnMessage(message);
  }
  int answered = 0;
  for (const auto& call : calls) {
    call->end.get_future().wait();
    if (call->finished->ok()) {
      ++answered;
    } else {
      EXPECT_EQ(call->finished->code, io::GrpcCode::kUnavailable);
    }
  }
  EXPECT_GE(answered, 200);
}

TEST_F(KatibService, ReflectionKnowsIt) {
  const auto reflection = io::GrpcReflection::Open(KatibDescriptors());
  ASSERT_TRUE(reflection);
  std::string listing;
  listing += "\x3a\x01*";  // list_services
  EXPECT_NE((*reflection)->Answer(listing)->find("api.v1.beta1.Suggestion"), std::string::npos);
}

}  // namespace
}  // namespace keelson::wire::katib
