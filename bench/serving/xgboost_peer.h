#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace keelson::bench {

// The shape of a model that is trained for a measurement.
struct ModelShape {
  int trees = 500;
  int depth = 6;
  int leaves = 0;  // not 0: grown leaf by leaf up to so many, whatever the depth
  int features = 28;
  int bins = 256;
  int training_rows = 20'000;
};

// XGBoost's own library, opened as the worker opens it, on one thread. Every failure ends the program with its text: a
// benchmark has no one to hand it to.
class XgboostPeer {
 public:
  // Trains on noise with structure; the seed makes it the same model each time.
  explicit XgboostPeer(const ModelShape& shape);
  ~XgboostPeer();
  XgboostPeer(const XgboostPeer&) = delete;
  XgboostPeer& operator=(const XgboostPeer&) = delete;

  std::string Save() const;  // as UBJSON
  // XGBoosterPredictFromDense; the span lives until the next call.
  std::span<const float> Predict(std::span<const float> rows, std::size_t count);

 private:
  struct Api;
  const Api* api_;
  ModelShape shape_;
  void* booster_ = nullptr;
};

// `count` rows of normally distributed numbers, one in twenty missing.
std::vector<float> MakeRows(std::size_t count, int features, std::uint64_t seed);

}  // namespace keelson::bench
