#include "wire/katib/messages.h"

#include <gtest/gtest.h>

#include "io/protobuf_testing.h"

namespace keelson::wire::katib {
namespace {

class KatibMessages : public testing::Test {
 protected:
  io::ProtobufMessages protobuf_{KatibDescriptors(), "api.v1.beta1"};
};

constexpr const char* kRequest = R"(
  experiment {
    name: "test"
    spec {
      parameter_specs {
        parameters { name: "n" parameter_type: INT feasible_space { max: "5" min: "1" step: "2" } }
        parameters { name: "k" parameter_type: CATEGORICAL feasible_space { list: "a" list: "" } }
        parameters { name: "r" parameter_type: DOUBLE feasible_space { max: "1" min: "0.1" distribution: LOG_NORMAL } }
      }
      objective { type: MAXIMIZE goal: 0.9 objective_metric_name: "auc" additional_metric_names: "loss" }
      algorithm { algorithm_name: "tpe" algorithm_settings { name: "gamma" value: "0.2" } }
      parallel_trial_count: 3
    }
  }
  trials {
    name: "t1"
    spec {
      objective { type: MAXIMIZE objective_metric_name: "auc" }
      parameter_assignments { assignments { name: "n" value: "3" } assignments { name: "k" value: "a" } }
      labels { key: "x" value: "y" }
    }
    status { start_time: "now" condition: EARLYSTOPPED observation { metrics { name: "auc" value: "0.7" } } }
  }
  trials { name: "t2" }
  current_request_number: 2
  total_request_number: 7)";

TEST_F(KatibMessages, ReadsWhatProtobufWrites) {
  const auto asked = ReadSuggestionsRequest(protobuf_.Bytes("GetSuggestionsRequest", kRequest));
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->experiment.name, "test");
  EXPECT_TRUE(asked->experiment.maximize);
  EXPECT_EQ(asked->experiment.algorithm.name, "tpe");
  EXPECT_EQ(asked->experiment.algorithm.settings, (std::vector<Named>{{"gamma", "0.2"}}));
  ASSERT_EQ(asked->experiment.parameters.size(), 3u);
  const Parameter& n = asked->experiment.parameters[0];
  EXPECT_EQ(n.name, "n");
  EXPECT_EQ(n.type, ParameterType::kInt);
  EXPECT_EQ(n.min + "," + n.max + "," + n.step, "1,5,2");
  EXPECT_EQ(asked->experiment.parameters[1].list, (std::vector<std::string>{"a", ""}));
  EXPECT_EQ(asked->experiment.parameters[2].distribution, Distribution::kLogNormal);
  ASSERT_EQ(asked->trials.size(), 2u);
  const Trial& trial = asked->trials[0];
  EXPECT_EQ(trial.name, "t1");
  EXPECT_EQ(trial.objective_metric, "auc");
  EXPECT_EQ(trial.assignments, (std::vector<Named>{{"n", "3"}, {"k", "a"}}));
  EXPECT_EQ(trial.condition, Condition::kEarlyStopped);
  EXPECT_EQ(trial.metrics, (std::vector<Named>{{"auc", "0.7"}}));
  EXPECT_EQ(asked->trials[1].condition, Condition::kCreated);
  EXPECT_EQ(asked->current, 2);
  EXPECT_EQ(asked->total, 7);
  const auto validated = ReadValidationRequest(protobuf_.Bytes(
      "ValidateAlgorithmSettingsRequest", "experiment { name: 'v' spec { algorithm { algorithm_name: 'random' } } }"));
  EXPECT_EQ(validated->algorithm.name, "random");
}

TEST_F(KatibMessages, NumbersThatNobodyKnowsAreUnknown) {
  const auto asked =
      ReadSuggestionsRequest(protobuf_.Bytes("GetSuggestionsRequest",
                                             "experiment { spec { parameter_specs { parameters { parameter_type: 9 "
                                             "feasible_space { distribution: 77 } } } } } "
                                             "trials { status { condition: 99 } } current_request_number: -3"));
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->experiment.parameters[0].type, ParameterType::kUnknown);
  EXPECT_EQ(asked->experiment.parameters[0].distribution, Distribution::kUnspecified);
  EXPECT_EQ(asked->trials[0].condition, Condition::kUnknown);
  EXPECT_EQ(asked->current, -3);
}

TEST_F(KatibMessages, EveryCutOfAMessageIsMalformedOrShorter) {
  const std::string whole = protobuf_.Bytes("GetSuggestionsRequest", kRequest);
  int malformed = 0;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto asked = ReadSuggestionsRequest(std::string_view(whole).substr(0, size));
    if (asked) continue;
    EXPECT_EQ(asked.error().code, ErrorCode::kInternal);
    EXPECT_EQ(asked.error().message, "the message is no api.v1.beta1.GetSuggestionsRequest");
    ++malformed;
  }
  EXPECT_GT(malformed, static_cast<int>(whole.size()) - 10);
  EXPECT_FALSE(ReadValidationRequest("\x0a\x05"));
  EXPECT_FALSE(ReadValidationRequest("\x0a\x03\x0a\x01\xff"));  // no UTF-8
}

TEST_F(KatibMessages, WritesWhatProtobufReads) {
  EXPECT_EQ(protobuf_.Text("GetSuggestionsReply", WriteSuggestionsReply({{{"n", "3"}, {"k", ""}}, {}})),
            "parameter_assignments { assignments { name: \"n\" value: \"3\" } assignments { name: \"k\" } } "
            "parameter_assignments { }");
}

}  // namespace
}  // namespace keelson::wire::katib
