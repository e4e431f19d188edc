#include "serving/batch_forest.h"

#include <gtest/gtest.h>

#include "serving/narrow_forest_testing.h"

namespace keelson::serving {
namespace {

template <typename Leaves>
void ExpectTheSameBits(ForestWorld& world, const ForestShape& shape, const Leaves& leaves) {
  for (const BatchKernel* kernel : BatchKernels()) {
    const auto forest = BasicBatchForest<Leaves>::Build(world.nodes(), world.trees(), shape.features, shape.outputs,
                                                        *kernel, WalkingNanoseconds(world.trees()), leaves);
    EXPECT_TRUE(forest != nullptr || shape.depth < 4);
    if (forest == nullptr) continue;  // too shallow to pay
    EXPECT_GE(forest->min_rows(), 2u);
    EXPECT_GT(forest->memory_bytes(), shape.trees * sizeof(BatchTree<float>));
    for (const std::size_t count : {std::size_t{1}, std::size_t{7}, kernel->lanes - 1, kernel->lanes}) {
      const auto rows = world.Rows(count);
      std::vector<typename Leaves::Value> margins(count * shape.outputs, 0.25f);
      const auto wanted = world.Walk(rows, margins, leaves);
      forest->AddBlock(rows.data(), count, margins.data());
      ASSERT_EQ(Bits(margins), Bits(wanted)) << "depth " << shape.depth << ", lanes " << kernel->lanes << ", " << count;
    }
  }
}

void ExpectTheSameBits(const ForestShape& shape, std::uint64_t seed) {
  ForestWorld world(shape, seed);
  ExpectTheSameBits(world, shape, FloatLeaves{});
  const DoubleLeaves doubles = world.UseDoubles();
  ExpectTheSameBits(world, shape, doubles);
}

TEST(BatchForest, GivesTheBitsOfWalkingAtEveryDepth) {
  for (std::uint32_t depth = 1; depth <= 12; ++depth) {
    ExpectTheSameBits({.depth = depth}, depth);
    ExpectTheSameBits({.depth = depth, .percent_split = 60}, 100 + depth);
    ExpectTheSameBits({.depth = depth, .percent_split = 100}, 200 + depth);
  }
}

TEST(BatchForest, GivesTheBitsOfWalkingWithManyOutputsAndFeatures) {
  ExpectTheSameBits({.trees = 31, .outputs = 3}, 1);
  ExpectTheSameBits({.depth = 9, .trees = 210, .features = 300, .outputs = 7}, 2);
  ExpectTheSameBits({.features = 1}, 3);
}

// A byte holds 255 thresholds: around that number, and where a feature needs several planes.
TEST(BatchForest, GivesTheBitsOfWalkingWithManyThresholds) {
  for (const std::size_t distinct : {1u, 2u, 254u, 255u, 256u, 257u, 510u, 511u, 5'000u}) {
    ExpectTheSameBits({.trees = 150, .features = 2, .distinct = distinct}, distinct);
  }
}

TEST(BatchForest, IsNotBuiltWhereItWouldNotPay) {
  for (const BatchKernel* kernel : BatchKernels()) {
    ForestWorld stumps({.depth = 1, .trees = 1}, 4);
    EXPECT_EQ(BatchForest::Build(stumps.nodes(), stumps.trees(), 5, 1, *kernel, WalkingNanoseconds(stumps.trees())),
              nullptr);
    ForestWorld planes({.depth = 6, .trees = 2'000, .features = 9'000, .percent_split = 100}, 5);
    EXPECT_EQ(BatchForest::Build(planes.nodes(), planes.trees(), 9'000, 1, *kernel, WalkingNanoseconds(planes.trees())),
              nullptr);
  }
}

}  // namespace
}  // namespace keelson::serving
