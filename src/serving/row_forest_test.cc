#include "serving/row_forest.h"

#include <gtest/gtest.h>

#include "serving/narrow_forest_testing.h"

namespace keelson::serving {
namespace {

template <typename Leaves>
void ExpectTheSameBits(ForestWorld& world, const ForestShape& shape, const Leaves& leaves, bool built) {
  for (const RowKernel* kernel : RowKernels()) {
    const auto forest = BasicRowForest<Leaves>::Build(world.nodes(), world.trees(), shape.features, *kernel, leaves);
    ASSERT_EQ(forest != nullptr, built) << "depth " << shape.depth << ", at most " << kernel->planes << " planes";
    if (forest == nullptr) continue;
    EXPECT_GT(forest->memory_bytes(), shape.trees * 2 * 64);
    constexpr std::size_t kRows = 40;
    auto rows = world.Rows(kRows);
    for (std::size_t i = 0; i < shape.features; ++i) rows[i] = 0.5f;  // one row without missing values
    std::vector<typename Leaves::Value> margins(kRows * shape.outputs, 0.25f);
    const auto wanted = world.Walk(rows, margins, leaves);
    for (std::size_t i = 0; i < kRows; ++i) {
      forest->AddRow(rows.data() + i * shape.features, margins.data() + i * shape.outputs);
    }
    ASSERT_EQ(Bits(margins), Bits(wanted)) << "depth " << shape.depth << ", at most " << kernel->planes << " planes";
  }
}

void ExpectTheSameBits(const ForestShape& shape, std::uint64_t seed, bool built = true) {
  ForestWorld world(shape, seed);
  ExpectTheSameBits(world, shape, FloatLeaves{}, built);
  const DoubleLeaves doubles = world.UseDoubles();
  ExpectTheSameBits(world, shape, doubles, built);
}

TEST(RowForest, GivesTheBitsOfWalkingAtEveryDepth) {
  for (std::uint32_t depth = 2; depth <= 12; ++depth) {
    ExpectTheSameBits({.depth = depth, .percent_split = 100}, depth);
    if (depth < 4) continue;
    ExpectTheSameBits({.depth = depth}, 100 + depth);
    ExpectTheSameBits({.depth = depth, .percent_split = 70}, 200 + depth);
  }
}

TEST(RowForest, GivesTheBitsOfWalkingWithManyOutputsAndFeatures) {
  ExpectTheSameBits({.trees = 31, .outputs = 3}, 1);
  ExpectTheSameBits({.depth = 9, .trees = 210, .features = 64, .outputs = 7}, 2);
  ExpectTheSameBits({.features = 1}, 3);
  ExpectTheSameBits({.features = 33}, 4);  // one more than a half of AVX2's registers holds
}

// A byte holds 255 thresholds: around that number, and where a feature needs several planes.
TEST(RowForest, GivesTheBitsOfWalkingWithManyThresholds) {
  for (const std::size_t distinct : {1u, 2u, 254u, 255u, 256u, 257u, 510u, 511u, 5'000u}) {
    ExpectTheSameBits({.trees = 150, .features = 2, .distinct = distinct}, distinct);
  }
}

TEST(RowForest, TakesAsManyPlanesAsItsKernel) {
  for (const RowKernel* kernel : RowKernels()) {
    for (const std::size_t features : {kernel->planes, kernel->planes + 1}) {
      ForestWorld world({.trees = 400, .features = features, .distinct = 3}, 6);
      const auto forest = RowForest::Build(world.nodes(), world.trees(), features, *kernel);
      ASSERT_EQ(forest != nullptr, features == kernel->planes);
      if (forest == nullptr) continue;
      const auto rows = world.Rows(1);
      std::vector<float> margins(1);
      const auto wanted = world.Walk(rows, margins);
      forest->AddRow(rows.data(), margins.data());
      EXPECT_EQ(Bits(margins), Bits(wanted));
    }
  }
}

TEST(RowForest, IsNotBuiltWhereItWouldNotPay) {
  ExpectTheSameBits({.depth = 1, .trees = 10}, 7, /*built=*/false);
  ExpectTheSameBits({.trees = 2'000, .features = 9'000, .percent_split = 100}, 8, /*built=*/false);
}

}  // namespace
}  // namespace keelson::serving
