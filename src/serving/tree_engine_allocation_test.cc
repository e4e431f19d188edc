// That a prediction allocates nothing: operator new is replaced in this test program and counted.
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "io/files.h"
#include "serving/lightgbm_model.h"
#include "serving/tree_engine.h"
#include "serving/xgboost_model.h"

namespace {

thread_local std::size_t allocations = 0;

void* Allocate(std::size_t size, std::size_t alignment = 0) {
  ++allocations;
  const std::size_t whole = size == 0 ? 1 : size;
  void* const memory = alignment == 0 ? std::malloc(whole)  // NOLINT(cppcoreguidelines-no-malloc): it is the allocator
                                      : std::aligned_alloc(alignment, (whole + alignment - 1) / alignment * alignment);
  if (memory == nullptr) std::abort();
  return memory;
}

}  // namespace

void* operator new(std::size_t size) {
  return Allocate(size);
}
void* operator new[](std::size_t size) {
  return Allocate(size);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  return Allocate(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return Allocate(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}

namespace keelson::serving {
namespace {

const std::string kFolder = KEELSON_SOURCE_DIR "/src/serving/testdata/";

// Every kind, by single rows and in batches, after one call of the same size that makes the thread's scratch.
void ExpectNoAllocation(const TreeEngine& engine, const std::string& what) {
  for (const PredictKind kind :
       {PredictKind::kValue, PredictKind::kMargin, PredictKind::kLeaves, PredictKind::kContributions}) {
    if (!engine.Supports(kind)) continue;
    for (const std::size_t count : {1u, 3u, 9u, 64u, 200u}) {
      std::vector<float> rows(count * engine.features());
      for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<float>(i * 7 % 11) - 5;
      std::vector<float> out(count * engine.width(kind));
      engine.Predict(rows, count, kind, out);
      const std::size_t before = allocations;
      for (int i = 0; i < 3; ++i) engine.Predict(rows, count, kind, out);
      EXPECT_EQ(allocations - before, 0u) << what << ", kind " << static_cast<int>(kind) << ", " << count << " rows";
    }
  }
}

TEST(TreeEngineAllocation, OfXgboostsModelsNoneOnceTheScratchIsThere) {
  for (const char* name : {"logistic.ubj", "softprob.ubj", "softmax.ubj", "squared.ubj", "dart.ubj", "categorical.json",
                           "vector_leaf.json", "targets.ubj", "linear.json", "versions/3.4.1/expectile.ubj"}) {
    const auto model = ReadXgboostModel(*io::ReadFile(kFolder + name, std::size_t{64} << 20));
    ASSERT_TRUE(model.has_value()) << model.error().ToString();
    ExpectNoAllocation(**TreeEngine::Build(*model), name);
  }
}

// A tree of five levels that are full, on five features.
LightgbmTree FullTree(std::size_t number, std::uint8_t decision) {
  LightgbmTree tree;
  tree.depth = 5;
  for (std::int32_t i = 0; i < 31; ++i) {
    const auto child = [](std::int32_t place) { return place < 31 ? place : ~(place - 31); };
    tree.left.push_back(child(2 * i + 1));
    tree.right.push_back(child(2 * i + 2));
    tree.feature.push_back(static_cast<std::int32_t>((static_cast<std::size_t>(i) + number) % 5));
    tree.threshold.push_back(static_cast<double>((i * 5 + static_cast<std::int32_t>(number)) % 9) - 4.5);
    tree.decision.push_back(decision);
    tree.internal_count.push_back(2);
  }
  for (int i = 0; i < 32; ++i) tree.leaf_value.push_back(i);
  tree.leaf_count.assign(32, 1);
  return tree;
}

TEST(TreeEngineAllocation, OfLightgbmsModelsNoneOnceTheScratchIsThere) {
  for (const std::uint8_t decision : {std::uint8_t{0}, std::uint8_t{1 << 2}, std::uint8_t{2 << 2}}) {
    LightgbmModel model;
    model.features = 5;
    model.transform = LightgbmTransform::kSigmoid;
    for (std::size_t t = 0; t < 40; ++t) model.trees.push_back(FullTree(t, decision));
    ExpectNoAllocation(**TreeEngine::Build(model), "laid out");
    for (auto& tree : model.trees) {
      tree.leaf_constant.assign(32, 0.5);
      tree.leaf_features.resize(32);
      tree.leaf_coefficients.resize(32);
    }
    ExpectNoAllocation(**TreeEngine::Build(model), "linear leaves, walked");
  }
}

TEST(TreeEngineAllocation, TheCountCounts) {
  const std::size_t before = allocations;
  const auto made = std::make_unique<std::vector<int>>(3);
  EXPECT_EQ(allocations - before, 2u);
}

}  // namespace
}  // namespace keelson::serving
