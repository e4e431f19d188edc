// Our tree engine, XGBoost's own C API (XGBoosterPredictFromDense) and ONNX Runtime (the same trees as a
// TreeEnsembleRegressor) on one thread: the same model, the same rows, taken in turns, every answer compared, with
// XGBoost's bit for bit, with ONNX Runtime's, which adds up in another order, to 1e-5. Prints one JSON line a batch
// size with all times (CPU time of the thread, microseconds a call, the median of the rounds) and the ratios.
//
//   keelson_tree_bench                         # 500 trees of depth 6, 28 features; 1 to 10,000 rows
//   keelson_tree_bench --trees 100 --depth 8 --features 100 --rows 1 --rows 100
//   keelson_tree_bench --export FOLDER         # no times: model.ubj, and rows with XGBoost's own predictions for them
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>

#include "bench/serving/onnx_peer.h"
#include "bench/serving/timing.h"
#include "bench/serving/xgboost_peer.h"
#include "serving/tree_engine.h"
#include "serving/xgboost_model.h"

namespace {

using namespace keelson;

bool Measure(const bench::ModelShape& shape, const serving::TreeEngine& engine, bench::XgboostPeer& peer,
             bench::OnnxPeer& onnx, std::size_t count, int rounds) {
  const auto rows = bench::MakeRows(count, shape.features, 99);
  std::vector<float> ours(count);
  auto predict = [&] { engine.Predict(rows, count, serving::PredictKind::kValue, ours); };
  predict();
  const auto theirs = peer.Predict(rows, count);
  if (theirs.size() != count || std::memcmp(theirs.data(), ours.data(), count * sizeof(float)) != 0) {
    fmt::print(stderr, "the answers differ\n");
    return false;
  }
  const auto also = onnx.Predict(rows, count);
  for (std::size_t i = 0; i < count; ++i) {
    const float probability = 1 / (1 + std::exp(-also[i]));
    if (std::abs(probability - ours[i]) <= 1e-5F) continue;
    fmt::print(stderr, "ONNX Runtime's answer differs: {} for {}\n", probability, ours[i]);
    return false;
  }
  const std::size_t calls = std::max<std::size_t>(1, 2'000 / count);
  std::vector<double> our_times;
  std::vector<double> their_times;
  std::vector<double> onnx_times;
  for (int round = 0; round < rounds; ++round) {
    our_times.push_back(bench::TimeEach(calls, predict));
    their_times.push_back(bench::TimeEach(std::max<std::size_t>(1, calls / 8), [&] { peer.Predict(rows, count); }));
    onnx_times.push_back(bench::TimeEach(calls, [&] { onnx.Predict(rows, count); }));
  }
  const double us = bench::Median(our_times);
  const double them = bench::Median(their_times);
  const double runtime = bench::Median(onnx_times);
  fmt::print(
      R"({{"bench":"tree_engine","trees":{},"depth":{},"features":{},"rows":{},"keelson_us":{:.2f},"xgboost_us":{:.2f},)"
      R"("ratio":{:.2f},"onnx_us":{:.2f},"onnx_ratio":{:.2f}}})"
      "\n",
      shape.trees, shape.depth, shape.features, count, us, them, them / us, runtime, runtime / us);
  std::fflush(stdout);
  return true;
}

// The model, and for each batch size rows of four decimals without missing values, which every server's JSON takes,
// with what XGBoost predicts for them.
bool Export(const bench::ModelShape& shape, bench::XgboostPeer& peer, const std::vector<std::size_t>& batches,
            const std::string& folder) {
  const auto write = [&](const std::string& name, const std::string& content) {
    std::ofstream file(folder + "/" + name, std::ios::binary);
    file << content;
    return static_cast<bool>(file.flush());
  };
  if (!write("model.ubj", peer.Save())) return false;
  for (const std::size_t count : batches) {
    auto rows = bench::MakeRows(count, shape.features, 7);
    for (float& value : rows) value = std::isnan(value) ? 0 : std::round(value * 1e4F) / 1e4F;
    std::string json = "{\"rows\":[";
    for (std::size_t i = 0; i < rows.size(); ++i) json += fmt::format("{}{}", i == 0 ? "" : ",", rows[i]);
    json += "],\"predictions\":[";
    const auto predictions = peer.Predict(rows, count);
    for (std::size_t i = 0; i < count; ++i) json += fmt::format("{}{}", i == 0 ? "" : ",", predictions[i]);
    if (!write(fmt::format("rows_{}.json", count), json + "]}\n")) return false;
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Tree engine against XGBoost's C API and ONNX Runtime, one thread");
  bench::ModelShape shape;
  std::vector<std::size_t> batches;
  int rounds = 15;
  std::string folder;
  app.add_option("--trees", shape.trees)->check(CLI::Range(1, 10'000));
  app.add_option("--depth", shape.depth)->check(CLI::Range(1, 16));
  app.add_option("--features", shape.features)->check(CLI::Range(1, 2'000));
  app.add_option("--bins", shape.bins, "the trainer's bins a feature: how many thresholds it may have");
  app.add_option("--training-rows", shape.training_rows);
  app.add_option("--rows", batches, "rows a call, may be given more than once")->check(CLI::Range(1, 1'000'000));
  app.add_option("--rounds", rounds)->check(CLI::Range(1, 1'000));
  app.add_option("--export", folder, "Writes the model and rows into this folder and measures nothing");
  CLI11_PARSE(app, argc, argv);
  if (batches.empty()) batches = {1, 2, 4, 8, 16, 32, 100, 1'000, 10'000};

  bench::XgboostPeer peer(shape);
  if (!folder.empty()) return Export(shape, peer, batches, folder) ? 0 : 1;
  const auto model = serving::ReadXgboostModel(peer.Save());
  if (!model) {
    fmt::print(stderr, "{}\n", model.error().ToString());
    return 1;
  }
  const auto engine = serving::TreeEngine::Build(*model);
  bench::OnnxPeer onnx(*model);
  for (const std::size_t count : batches) {
    if (!Measure(shape, **engine, peer, onnx, count, rounds)) return 1;
  }
  return 0;
}
