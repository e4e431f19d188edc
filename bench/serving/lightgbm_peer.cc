#include "bench/serving/lightgbm_peer.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <type_traits>

namespace keelson::bench {
namespace {

constexpr int kFloat32 = 0;
constexpr int kNormal = 0;  // what predict gives
constexpr const char* kParameters = "num_threads=1";

[[noreturn]] void Die(const std::string& message) {
  fmt::print(stderr, "{}\n", message);
  std::exit(1);
}

std::string TreeText(const serving::XgboostTree& tree, std::size_t number) {
  std::vector<std::int32_t> place(tree.size());  // of a split its number, of a leaf ~its number
  std::vector<std::size_t> order = {0};          // breadth-first, so that the root is split 0
  std::vector<double> leaf_value;
  std::int32_t splits = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::size_t node = order[i];
    if (tree.is_leaf(node)) {
      place[node] = ~static_cast<std::int32_t>(leaf_value.size());
      leaf_value.push_back(static_cast<double>(tree.value[node]));
      continue;
    }
    place[node] = splits++;
    order.push_back(static_cast<std::size_t>(tree.left[node]));
    order.push_back(static_cast<std::size_t>(tree.right[node]));
  }
  std::vector<std::int32_t> left, right, feature, decision;
  std::vector<double> threshold;
  for (const std::size_t node : order) {
    if (tree.is_leaf(node)) continue;
    left.push_back(place[static_cast<std::size_t>(tree.left[node])]);
    right.push_back(place[static_cast<std::size_t>(tree.right[node])]);
    feature.push_back(tree.feature[node]);
    decision.push_back(tree.default_left[node] != 0 ? 10 : 8);  // NaN is missing
    // Right from the threshold on there, above it here.
    threshold.push_back(static_cast<double>(std::nextafter(tree.value[node], -std::numeric_limits<float>::infinity())));
  }
  std::string text = fmt::format("Tree={}\nnum_leaves={}\nnum_cat=0\n", number, leaf_value.size());
  if (splits > 0) {
    text += fmt::format("split_feature={}\nthreshold={:.17g}\ndecision_type={}\nleft_child={}\nright_child={}\n",
                        fmt::join(feature, " "), fmt::join(threshold, " "), fmt::join(decision, " "),
                        fmt::join(left, " "), fmt::join(right, " "));
  }
  return text + fmt::format("leaf_value={:.17g}\nis_linear=0\nshrinkage=1\n\n\n", fmt::join(leaf_value, " "));
}

}  // namespace

std::string AsLightgbmText(const serving::XgboostModel& model) {
  std::vector<std::string> names;
  std::vector<std::string> infos;
  for (std::uint32_t i = 0; i < model.features; ++i) {
    names.push_back(fmt::format("f{}", i));
    infos.emplace_back("[-100:100]");
  }
  std::string text = fmt::format(
      "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx={}\n"
      "objective=binary sigmoid:1\nfeature_names={}\nfeature_infos={}\n\n",
      model.features - 1, fmt::join(names, " "), fmt::join(infos, " "));
  for (std::size_t t = 0; t < model.trees.size(); ++t) text += TreeText(model.trees[t], t);
  return text + "end of trees\n";
}

struct LightgbmPeer::Api {
  const char* (*last_error)() = nullptr;
  int (*load)(const char*, int*, void**) = nullptr;
  int (*free)(void*) = nullptr;
  int (*predict)(void*, const void*, int, std::int32_t, std::int32_t, int, int, int, int, const char*, std::int64_t*,
                 double*) = nullptr;
  int (*begin_single)(void*, int, int, int, int, std::int32_t, const char*, void**) = nullptr;
  int (*predict_single)(void*, const void*, std::int64_t*, double*) = nullptr;
  int (*end_single)(void*) = nullptr;

  explicit Api(const std::string& path) {
    void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) Die(dlerror());
    const auto bind = [&](const char* name, auto& slot) {
      void* const address = dlsym(library, name);
      if (address == nullptr) Die(std::string("no ") + name);
      slot = reinterpret_cast<std::remove_reference_t<decltype(slot)>>(address);
    };
    bind("LGBM_GetLastError", last_error);
    bind("LGBM_BoosterLoadModelFromString", load);
    bind("LGBM_BoosterFree", free);
    bind("LGBM_BoosterPredictForMat", predict);
    bind("LGBM_BoosterPredictForMatSingleRowFastInit", begin_single);
    bind("LGBM_BoosterPredictForMatSingleRowFast", predict_single);
    bind("LGBM_FastConfigFree", end_single);
  }
  void Check(int code) const {
    if (code != 0) Die(last_error());
  }
};

LightgbmPeer::LightgbmPeer(const std::string& library, const std::string& text, std::size_t features)
    : api_(new Api(library)), features_(features) {
  int rounds = 0;
  api_->Check(api_->load(text.c_str(), &rounds, &booster_));
  api_->Check(api_->begin_single(booster_, kNormal, 0, -1, kFloat32, static_cast<std::int32_t>(features), kParameters,
                                 &single_));
}

LightgbmPeer::~LightgbmPeer() {
  api_->end_single(single_);
  api_->free(booster_);
  delete api_;
}

std::span<const double> LightgbmPeer::Predict(std::span<const float> rows, std::size_t count) {
  values_.resize(count);
  std::int64_t length = 0;
  if (count == 1) {
    api_->Check(api_->predict_single(single_, rows.data(), &length, values_.data()));
  } else {
    api_->Check(api_->predict(booster_, rows.data(), kFloat32, static_cast<std::int32_t>(count),
                              static_cast<std::int32_t>(features_), /*is_row_major=*/1, kNormal, 0, -1, kParameters,
                              &length, values_.data()));
  }
  return {values_.data(), static_cast<std::size_t>(length)};
}

}  // namespace keelson::bench
