#include "bench/serving/xgboost_peer.h"

#include <fmt/core.h>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>

#include "io/library.h"

namespace keelson::bench {
namespace {

std::string ArrayInterface(std::span<const float> values, std::size_t rows, std::size_t columns) {
  return fmt::format(R"({{"data":[{},true],"shape":[{},{}],"typestr":"<f4","version":3}})",
                     reinterpret_cast<std::uintptr_t>(values.data()), rows, columns);
}

[[noreturn]] void Die(const std::string& message) {
  fmt::print(stderr, "{}\n", message);
  std::exit(1);
}

}  // namespace

struct XgboostPeer::Api {
  const char* (*get_last_error)() = nullptr;
  int (*matrix_from_dense)(const char*, const char*, void**) = nullptr;
  int (*matrix_set_info)(void*, const char*, const char*) = nullptr;
  int (*matrix_free)(void*) = nullptr;
  int (*create)(void* const*, std::uint64_t, void**) = nullptr;
  int (*free)(void*) = nullptr;
  int (*set)(void*, const char*, const char*) = nullptr;
  int (*update)(void*, int, void*) = nullptr;
  int (*save)(void*, const char*, std::uint64_t*, const char**) = nullptr;
  int (*predict)(void*, const char*, const char*, void*, const std::uint64_t**, std::uint64_t*,
                 const float**) = nullptr;

  static const Api& Open() {
    static const Api api;
    return api;
  }
  void Check(int code) const {
    if (code != 0) Die(get_last_error());
  }

 private:
  Api() {
    setenv("OMP_WAIT_POLICY", "PASSIVE", 0);
    const auto library = io::OpenLibrary("libxgboost.so");
    if (!library) Die(library.error().ToString());
    auto bind = [&](const char* name, auto& slot) {
      const auto address = io::FindSymbol(*library, name);
      if (!address) Die(address.error().ToString());
      slot = reinterpret_cast<std::remove_reference_t<decltype(slot)>>(*address);
    };
    bind("XGBGetLastError", get_last_error);
    bind("XGDMatrixCreateFromDense", matrix_from_dense);
    bind("XGDMatrixSetInfoFromInterface", matrix_set_info);
    bind("XGDMatrixFree", matrix_free);
    bind("XGBoosterCreate", create);
    bind("XGBoosterFree", free);
    bind("XGBoosterSetParam", set);
    bind("XGBoosterUpdateOneIter", update);
    bind("XGBoosterSaveModelToBuffer", save);
    bind("XGBoosterPredictFromDense", predict);
  }
};

XgboostPeer::XgboostPeer(const ModelShape& shape) : api_(&Api::Open()), shape_(shape) {
  const auto count = static_cast<std::size_t>(shape.training_rows);
  const auto width = static_cast<std::size_t>(shape.features);
  const auto rows = MakeRows(count, shape.features, 1);
  std::mt19937_64 random(2);
  std::normal_distribution<float> noise;
  std::vector<float> label(count);
  for (std::size_t i = 0; i < count; ++i) {
    float score = noise(random);
    for (std::size_t f = 0; f < width; ++f) {
      const float value = rows[i * width + f];
      if (!std::isnan(value)) score += std::sin(value * static_cast<float>(f % 5 + 1)) * (f % 3 == 0 ? 1.0f : 0.4f);
    }
    label[i] = score > 0 ? 1.0f : 0.0f;
  }
  void* matrix = nullptr;
  api_->Check(
      api_->matrix_from_dense(ArrayInterface(rows, count, width).c_str(), R"({"missing":NaN,"nthread":1})", &matrix));
  api_->Check(api_->matrix_set_info(matrix, "label",
                                    fmt::format(R"({{"data":[{},true],"shape":[{}],"typestr":"<f4","version":3}})",
                                                reinterpret_cast<std::uintptr_t>(label.data()), count)
                                        .c_str()));
  api_->Check(api_->create(&matrix, 1, &booster_));
  for (const auto& [name, value] : {std::pair<std::string, std::string>{"objective", "binary:logistic"},
                                    {"max_depth", std::to_string(shape.depth)},
                                    {"max_bin", std::to_string(shape.bins)},
                                    {"tree_method", "hist"},
                                    {"nthread", "1"},
                                    {"eta", "0.1"},
                                    {"min_child_weight", "0"},
                                    {"seed", "7"}}) {
    api_->Check(api_->set(booster_, name.c_str(), value.c_str()));
  }
  if (shape.leaves != 0) {
    for (const auto& [name, value] : {std::pair<std::string, std::string>{"grow_policy", "lossguide"},
                                      {"max_depth", "0"},
                                      {"max_leaves", std::to_string(shape.leaves)}}) {
      api_->Check(api_->set(booster_, name.c_str(), value.c_str()));
    }
  }
  for (int round = 0; round < shape.trees; ++round) api_->Check(api_->update(booster_, round, matrix));
  api_->Check(api_->matrix_free(matrix));
}

XgboostPeer::~XgboostPeer() {
  api_->free(booster_);
}

std::string XgboostPeer::Save() const {
  std::uint64_t size = 0;
  const char* bytes = nullptr;
  api_->Check(api_->save(booster_, R"({"format":"ubj"})", &size, &bytes));
  return std::string(bytes, static_cast<std::size_t>(size));
}

std::span<const float> XgboostPeer::Predict(std::span<const float> rows, std::size_t count) {
  const std::uint64_t* shape = nullptr;
  std::uint64_t dimensions = 0;
  const float* values = nullptr;
  api_->Check(api_->predict(booster_, ArrayInterface(rows, count, static_cast<std::size_t>(shape_.features)).c_str(),
                            R"({"type":0,"training":false,"iteration_begin":0,"iteration_end":0,"strict_shape":false,)"
                            R"("missing":NaN,"cache_id":0})",
                            nullptr, &shape, &dimensions, &values));
  return {values, static_cast<std::size_t>(shape[0])};
}

std::vector<float> MakeRows(std::size_t count, int features, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> rows(count * static_cast<std::size_t>(features));
  for (float& value : rows) {
    value = random() % 20 == 0 ? std::numeric_limits<float>::quiet_NaN() : normal(random);
  }
  return rows;
}

}  // namespace keelson::bench
