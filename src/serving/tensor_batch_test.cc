#include "serving/tensor_batch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace keelson::serving {
namespace {

Tensor Floats(std::string name, std::vector<std::int64_t> shape, std::vector<float> values) {
  Tensor tensor;
  tensor.name = std::move(name);
  tensor.shape = std::move(shape);
  tensor.floats = std::move(values);
  return tensor;
}

Tensor Texts(std::vector<std::string> values, std::vector<std::uint8_t> missing = {}) {
  Tensor tensor;
  tensor.name = "t";
  tensor.datatype = Datatype::kBytes;
  tensor.shape = {static_cast<std::int64_t>(values.size())};
  tensor.texts = std::move(values);
  tensor.missing = std::move(missing);
  return tensor;
}

TEST(TensorBatch, CountsTheRowsThatAllInputsHave) {
  EXPECT_EQ(RowsOf({}), std::nullopt);
  EXPECT_EQ(RowsOf(std::vector{Floats("x", {}, {1})}), std::nullopt);
  EXPECT_EQ(RowsOf(std::vector{Floats("x", {2, 1}, {1, 2}), Floats("y", {2}, {1, 2})}), 2u);
  EXPECT_EQ(RowsOf(std::vector{Floats("x", {2, 1}, {1, 2}), Floats("y", {1}, {1})}), std::nullopt);
}

TEST(TensorBatch, TellsWhatCanBeComputedTogether) {
  const std::vector<Tensor> one = {Floats("x", {1, 2}, {1, 2})};
  struct {
    std::vector<Tensor> other;
    bool together;
  } cases[] = {{{Floats("x", {3, 2}, {1, 2, 3, 4, 5, 6})}, true},
               {{Floats("x", {1, 3}, {1, 2, 3})}, false},
               {{Floats("y", {1, 2}, {1, 2})}, false},
               {{Floats("x", {1, 2, 1}, {1, 2})}, false},
               {{Floats("x", {1, 2}, {1, 2}), Floats("y", {1}, {1})}, false}};
  for (auto& each : cases) {
    EXPECT_EQ(Together(one, each.other), each.together);
    EXPECT_EQ(ShapeHash(one, {}) == ShapeHash(each.other, {}), each.together);
  }
  auto doubles = one;
  doubles[0].datatype = Datatype::kFp64;
  EXPECT_FALSE(Together(one, doubles));
  EXPECT_NE(ShapeHash(one, {}), ShapeHash(doubles, {}));
  EXPECT_NE(ShapeHash(one, {}), ShapeHash(one, std::vector<std::string>{"out"}));
}

TEST(TensorBatch, PutsRowsBelowOneAnotherAndCutsThemApart) {
  std::vector<Tensor> all = {Floats("x", {1, 2}, {1, 2}), Texts({"a"})};
  const std::vector<Tensor> more = {Floats("x", {2, 2}, {3, 4, 5, 6}), Texts({"b", ""}, {0, 1})};
  const auto first = all;
  AppendRows(more, &all);
  EXPECT_EQ(all[0].ShapeText(), "[3,2]");
  EXPECT_THAT(all[0].floats, testing::ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(all[1].texts, testing::ElementsAre("a", "b", ""));
  EXPECT_THAT(all[1].missing, testing::ElementsAre(0, 0, 1));
  EXPECT_TRUE(SameBits(CutRows(all, 0, 1), first));
  EXPECT_TRUE(SameBits(CutRows(all, 1, 2), more));
  AppendRows(first, &all);
  EXPECT_THAT(all[1].missing, testing::ElementsAre(0, 0, 1, 0));
}

TEST(TensorBatch, ComparesBitForBit) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<Tensor> one = {Floats("x", {2}, {nan, 0.0F})};
  EXPECT_TRUE(SameBits(one, one));
  EXPECT_FALSE(SameBits(one, std::vector{Floats("x", {2}, {nan, -0.0F})}));
  EXPECT_FALSE(SameBits(one, std::vector{Floats("x", {2, 1}, {nan, 0.0F})}));
  EXPECT_FALSE(SameBits(one, {}));
}

}  // namespace
}  // namespace keelson::serving
