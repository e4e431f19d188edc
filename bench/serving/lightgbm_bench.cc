// Our engine of LightGBM's models beside LightGBM's own C API and ONNX Runtime, one thread, on one model and the same
// rows. Every answer is LightGBM's, rounded to float32, to the last bit; ONNX Runtime's is the same to 1e-5.
//
//   keelson_lightgbm_bench --lightgbm lib_lightgbm.so --leaves 31 --rows 1 --rows 100
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <optional>

#include "bench/serving/lightgbm_peer.h"
#include "bench/serving/onnx_peer.h"
#include "bench/serving/timing.h"
#include "bench/serving/xgboost_peer.h"
#include "serving/lightgbm_model.h"
#include "serving/tree_engine.h"

namespace {

using namespace keelson;

bool Measure(const bench::ModelShape& shape, const serving::TreeEngine& engine,
             std::optional<bench::LightgbmPeer>& peer, bench::OnnxPeer& onnx, std::size_t count, int rounds) {
  const auto rows = bench::MakeRows(count, shape.features, 99);
  std::vector<float> ours(count);
  const auto predict = [&] { engine.Predict(rows, count, serving::PredictKind::kValue, ours); };
  predict();
  if (peer) {
    const auto theirs = peer->Predict(rows, count);
    for (std::size_t i = 0; i < count; ++i) {
      if (theirs.size() == count && static_cast<float>(theirs[i]) == ours[i]) continue;
      fmt::print(stderr, "LightGBM answers {}, we {}\n", theirs.empty() ? 0 : theirs[i], ours[i]);
      return false;
    }
  }
  const auto also = onnx.Predict(rows, count);
  for (std::size_t i = 0; i < count; ++i) {
    const float probability = 1 / (1 + std::exp(-also[i]));
    if (std::abs(probability - ours[i]) <= 1e-5F) continue;
    fmt::print(stderr, "ONNX Runtime answers {}, we {}\n", probability, ours[i]);
    return false;
  }
  const std::size_t calls = std::max<std::size_t>(1, 2'000 / count);
  std::vector<double> our_times, their_times, onnx_times;
  for (int round = 0; round < rounds; ++round) {
    our_times.push_back(bench::TimeEach(calls, predict));
    if (peer)
      their_times.push_back(bench::TimeEach(std::max<std::size_t>(1, calls / 8), [&] { peer->Predict(rows, count); }));
    onnx_times.push_back(bench::TimeEach(calls, [&] { onnx.Predict(rows, count); }));
  }
  fmt::print(
      R"({{"bench":"lightgbm_engine","trees":{},"depth":{},"leaves":{},"features":{},"rows":{},"keelson_us":{:.2f},)"
      R"("lightgbm_us":{},"onnx_us":{:.2f}}})"
      "\n",
      shape.trees, shape.depth, shape.leaves, shape.features, count, bench::Median(our_times),
      peer ? fmt::format("{:.2f}", bench::Median(their_times)) : "null", bench::Median(onnx_times));
  std::fflush(stdout);
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Our engine of LightGBM's models against LightGBM's C API and ONNX Runtime, one thread");
  bench::ModelShape shape;
  std::vector<std::size_t> batches;
  std::string library;
  int rounds = 15;
  app.add_option("--lightgbm", library, "lib_lightgbm.so; without it we are measured beside ONNX Runtime alone");
  app.add_option("--trees", shape.trees)->check(CLI::Range(1, 10'000));
  app.add_option("--depth", shape.depth)->check(CLI::Range(1, 16));
  app.add_option("--leaves", shape.leaves, "grown leaf by leaf up to so many, whatever their depth")
      ->check(CLI::Range(2, 1'024));
  app.add_option("--features", shape.features)->check(CLI::Range(1, 2'000));
  app.add_option("--training-rows", shape.training_rows);
  app.add_option("--rows", batches, "rows a call, may be given more than once")->check(CLI::Range(1, 1'000'000));
  app.add_option("--rounds", rounds)->check(CLI::Range(1, 1'000));
  CLI11_PARSE(app, argc, argv);
  if (batches.empty()) batches = {1, 2, 4, 8, 16, 32, 100, 1'000, 10'000};

  const bench::XgboostPeer trainer(shape);
  auto trained = serving::ReadXgboostModel(trainer.Save());
  if (!trained) {
    fmt::print(stderr, "{}\n", trained.error().ToString());
    return 1;
  }
  trained->base_margin = {0};
  const std::string text = bench::AsLightgbmText(*trained);
  const auto model = serving::ReadLightgbmModel(text);
  if (!model) {
    fmt::print(stderr, "{}\n", model.error().ToString());
    return 1;
  }
  const auto engine = serving::TreeEngine::Build(*model);
  std::optional<bench::LightgbmPeer> peer;
  if (!library.empty()) peer.emplace(library, text, static_cast<std::size_t>(shape.features));
  bench::OnnxPeer onnx(*trained);
  for (const std::size_t count : batches) {
    if (!Measure(shape, **engine, peer, onnx, count, rounds)) return 1;
  }
  return 0;
}
