#include "serving/tensor.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "serving/tensor_model.h"

namespace keelson::serving {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Tensor Make(const std::string& name, Datatype datatype, std::vector<std::int64_t> shape) {
  Tensor tensor;
  tensor.name = name;
  tensor.datatype = datatype;
  tensor.shape = std::move(shape);
  return tensor;
}

TEST(Tensor, EveryDatatypeIsWrittenAsItIsRead) {
  for (int i = 0; i <= static_cast<int>(Datatype::kBytes); ++i) {
    const auto datatype = static_cast<Datatype>(i);
    Tensor tensor = Make("x", datatype, {3});
    if (datatype == Datatype::kBytes) {
      tensor.texts = {"", std::string("a\0b", 3), "\xc3\xa9"};
    } else if (datatype == Datatype::kFp64) {
      tensor.doubles = {0.1, -std::numeric_limits<double>::infinity(), 5e-324};
    } else if (IsFloat(datatype)) {
      tensor.floats = {0.5F, -std::numeric_limits<float>::infinity(), 96.0F};
    } else if (datatype == Datatype::kBool) {
      tensor.ints = {1, 0, 1};
    } else if (datatype >= Datatype::kInt8) {
      tensor.ints = {-1, 0, 100};
    } else {
      tensor.ints = {0, 1, 200};
    }
    std::string bytes;
    WriteBinary(tensor, &bytes);
    Tensor read = Make("x", datatype, {3});
    ASSERT_TRUE(ReadBinary(bytes, &read).has_value()) << DatatypeName(datatype);
    EXPECT_EQ(read.floats, tensor.floats) << DatatypeName(datatype);
    EXPECT_EQ(read.doubles, tensor.doubles) << DatatypeName(datatype);
    EXPECT_EQ(read.ints, tensor.ints) << DatatypeName(datatype);
    EXPECT_EQ(read.texts, tensor.texts) << DatatypeName(datatype);
    EXPECT_FALSE(ReadBinary(bytes.substr(1), &read).has_value()) << DatatypeName(datatype);
  }
}

float ThroughHalf(float value, Datatype datatype) {
  Tensor tensor = Make("x", datatype, {1});
  tensor.floats = {value};
  std::string bytes;
  WriteBinary(tensor, &bytes);
  tensor.floats.clear();
  EXPECT_TRUE(ReadBinary(bytes, &tensor).has_value());
  return tensor.floats[0];
}

TEST(Tensor, HalvesAreRoundedToTheNearestEven) {
  EXPECT_EQ(ThroughHalf(1.0F + 0x1p-11F, Datatype::kFp16), 1.0F);                // a tie goes to the even one
  EXPECT_EQ(ThroughHalf(1.0F + 3 * 0x1p-11F, Datatype::kFp16), 1.0F + 0x1p-9F);  // and here up
  EXPECT_EQ(ThroughHalf(65'504.0F, Datatype::kFp16), 65'504.0F);
  EXPECT_EQ(ThroughHalf(65'520.0F, Datatype::kFp16), std::numeric_limits<float>::infinity());
  EXPECT_EQ(ThroughHalf(-0x1p-24F, Datatype::kFp16), -0x1p-24F);  // the least denormal
  EXPECT_EQ(ThroughHalf(0x1p-26F, Datatype::kFp16), 0.0F);
  EXPECT_TRUE(std::isnan(ThroughHalf(std::numeric_limits<float>::quiet_NaN(), Datatype::kFp16)));
  EXPECT_EQ(ThroughHalf(1.0F + 0x1p-8F, Datatype::kBf16), 1.0F);
  EXPECT_EQ(ThroughHalf(1.0F + 3 * 0x1p-8F, Datatype::kBf16), 1.0F + 0x1p-6F);
  EXPECT_TRUE(std::isnan(ThroughHalf(std::numeric_limits<float>::quiet_NaN(), Datatype::kBf16)));
}

// Takes what it is told to take and gives back the names of what it matched.
class Echo final : public TensorModel {
 public:
  Echo() {
    inputs_ = {{"rows", Datatype::kFp32, {-1, 2}}, {"threshold", Datatype::kInt64, {1}, /*optional=*/true}};
    outputs_ = {{"label", Datatype::kInt64, {-1}}, {"score", Datatype::kFp32, {-1}}};
  }
  Result<std::vector<Tensor>> Infer(std::span<const Tensor> inputs,
                                    std::span<const std::string> wanted) const override {
    KEELSON_ASSIGN_OR_RETURN(const auto matched, Match(inputs));
    KEELSON_ASSIGN_OR_RETURN(const auto places, MatchOutputs(wanted));
    std::vector<Tensor> answer;
    for (const Tensor* tensor : matched) answer.push_back(Make(tensor != nullptr ? tensor->name : "-", {}, {}));
    for (const auto place : places) answer.push_back(Make(outputs_[place].name, {}, {}));
    return answer;
  }
  std::size_t memory_bytes() const override { return 0; }
};

std::vector<std::string> NamesOf(const Result<std::vector<Tensor>>& answer) {
  if (!answer) return {answer.error().message};
  std::vector<std::string> names;
  for (const Tensor& tensor : *answer) names.push_back(tensor.name);
  return names;
}

TEST(TensorModel, MatchesInputsAndOutputsByName) {
  const Echo model;
  const std::vector<Tensor> both = {Make("threshold", Datatype::kInt64, {1}), Make("rows", Datatype::kFp32, {7, 2})};
  EXPECT_THAT(NamesOf(model.Infer(both, {})), ElementsAre("rows", "threshold", "label", "score"));
  const std::vector<Tensor> one = {Make("rows", Datatype::kFp32, {0, 2})};
  const std::vector<std::string> wanted = {"score"};
  EXPECT_THAT(NamesOf(model.Infer(one, wanted)), ElementsAre("rows", "-", "score"));
}

TEST(TensorModel, RefusesWhatDoesNotFitByName) {
  const Echo model;
  const Tensor rows = Make("rows", Datatype::kFp32, {7, 2});
  const auto refused = [&](const std::vector<Tensor>& inputs, const std::vector<std::string>& wanted = {}) {
    const auto answer = model.Infer(inputs, wanted);
    EXPECT_FALSE(answer.has_value());
    return answer.has_value() ? "" : answer.error().message;
  };
  EXPECT_THAT(refused({}), HasSubstr("\"rows\" is missing"));
  EXPECT_THAT(refused({rows, rows}), HasSubstr("twice"));
  EXPECT_THAT(refused({rows, Make("row", Datatype::kFp32, {7, 2})}), HasSubstr("did you mean \"rows\""));
  EXPECT_THAT(refused({Make("rows", Datatype::kFp64, {7, 2})}), HasSubstr("FP64 [7,2], expected FP32 [-1,2]"));
  EXPECT_THAT(refused({Make("rows", Datatype::kFp32, {7, 3})}), HasSubstr("[7,3], expected FP32 [-1,2]"));
  EXPECT_THAT(refused({Make("rows", Datatype::kFp32, {14})}), HasSubstr("[14], expected FP32 [-1,2]"));
  EXPECT_THAT(refused({rows}, {"margin"}), HasSubstr("unknown output \"margin\""));
}

}  // namespace
}  // namespace keelson::serving
