// A load on a gRPC inference server: one thread and one connection each with one request at a time, every answer
// compared with the first. Prints one JSON line: requests and their rate, latencies in microseconds, the client's own
// CPU time a request, and that of the server's process when it is told which that is.
//
//   keelson_grpc_load --port 8001 --model m --features 28 --rows 1 --connections 8 --requests 20000 --pid 1234
#include <fmt/core.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <iterator>
#include <random>
#include <thread>
#include <vector>

#include "base/protobuf.h"
#include "io/grpc_testing.h"

namespace keelson::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kWarm = 100;  // requests of each connection before the clock starts

struct LoadOptions {
  int port = 0;
  std::string model = "m";
  std::size_t features = 28;
  std::size_t rows = 1;
  std::size_t connections = 8;
  std::size_t requests = 20'000;  // of all connections together
  bool raw = true;
  int pid = 0;
};

std::string MakeRequest(const LoadOptions& options) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  std::string contents;
  for (std::size_t i = 0; i < options.rows * options.features; ++i) {
    const float value = normal(random);
    contents.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  std::string request;
  ProtoWriter writer(&request);
  writer.Text(1, options.model);
  writer.Text(3, "bench");  // some servers make an id up when there is none, and all answers would differ
  writer.Nested(5, [&] {
    writer.Text(1, "input-0");
    writer.Text(2, "FP32");
    writer.Nested(3, [&] {
      writer.Varint(options.rows);
      writer.Varint(options.features);
    });
    if (!options.raw) writer.Nested(5, [&] { writer.Bytes(6, contents); });
  });
  if (options.raw) writer.Bytes(7, contents);
  return request;
}

// User and system time of a process so far, in seconds.
double CpuOf(int pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const auto after_name = text.rfind(')');
  if (after_name == std::string::npos) throw std::runtime_error(fmt::format("there is no process {}", pid));
  std::istringstream fields(text.substr(after_name + 2));
  std::string field;
  double ticks = 0;
  for (int i = 3; fields >> field; ++i) {
    if (i == 14 || i == 15) ticks += std::stod(field);
  }
  return ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}

double OwnCpu() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

int Run(const LoadOptions& options) {
  const std::string request = MakeRequest(options);
  const std::string method = "/inference.GRPCInferenceService/ModelInfer";
  const std::size_t each = std::max<std::size_t>(options.requests / options.connections, 1);
  std::vector<std::vector<double>> latencies(options.connections);
  std::atomic<std::size_t> wrong{0};
  std::atomic<std::size_t> warm{0};
  std::atomic<bool> go{false};
  std::string expected;
  {
    io::testing::GrpcTestClient client({.port = options.port});
    const auto reply = client.Call(method, request);
    if (reply.status() != 0) throw std::runtime_error(reply.message());
    expected = reply.bytes;
  }
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < options.connections; ++i) {
    threads.emplace_back([&, i] {
      io::testing::GrpcTestClient client({.port = options.port});
      const auto ask = [&] {
        const auto stream = client.Begin(method, io::testing::Frame(request));
        const auto reply = client.Wait(stream);
        client.Drop(stream);
        if (reply.status() != 0 || reply.bytes != expected) ++wrong;
      };
      for (std::size_t w = 0; w < kWarm; ++w) ask();
      ++warm;
      while (!go) std::this_thread::yield();
      latencies[i].reserve(each);
      for (std::size_t r = 0; r < each; ++r) {
        const auto begun = Clock::now();
        ask();
        latencies[i].push_back(std::chrono::duration<double, std::micro>(Clock::now() - begun).count());
      }
    });
  }
  while (warm < options.connections) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const double server = options.pid == 0 ? 0 : CpuOf(options.pid);
  const double client = OwnCpu();
  const auto begun = Clock::now();
  go = true;
  for (auto& thread : threads) thread.join();
  const double seconds = std::chrono::duration<double>(Clock::now() - begun).count();
  const double client_cpu = OwnCpu() - client;
  const double server_cpu = options.pid == 0 ? 0 : CpuOf(options.pid) - server;
  std::vector<double> all;
  for (const auto& some : latencies) all.insert(all.end(), some.begin(), some.end());
  std::sort(all.begin(), all.end());
  const auto count = static_cast<double>(all.size());
  const auto at = [&](double part) { return all[static_cast<std::size_t>(part * (count - 1))]; };
  fmt::print(
      "{{\"rows\":{},\"connections\":{},\"requests\":{},\"warm_requests\":{},\"wrong\":{},\"rps\":{:.0f},"
      "\"p50_us\":{:.1f},\"p99_us\":{:.1f},\"client_cpu_us\":{:.2f},\"server_cpu_us\":{:.2f}}}\n",
      options.rows, options.connections, all.size(), kWarm * options.connections, wrong.load(), count / seconds,
      at(0.5), at(0.99), client_cpu * 1e6 / count, server_cpu * 1e6 / count);
  return wrong == 0 ? 0 : 1;
}

}  // namespace
}  // namespace keelson::bench

int main(int argc, char** argv) {
  CLI::App app("A load on a gRPC inference server");
  keelson::bench::LoadOptions options;
  bool typed = false;
  app.add_option("--port", options.port)->required();
  app.add_option("--model", options.model);
  app.add_option("--features", options.features);
  app.add_option("--rows", options.rows);
  app.add_option("--connections", options.connections)->check(CLI::Range(1, 1'000));
  app.add_option("--requests", options.requests);
  app.add_option("--pid", options.pid);
  app.add_flag("--typed", typed, "Typed contents, not raw ones");
  CLI11_PARSE(app, argc, argv);
  options.raw = !typed;
  try {
    return keelson::bench::Run(options);
  } catch (const std::exception& error) {
    fmt::print(stderr, "keelson_grpc_load: {}\n", error.what());
    return 1;
  }
}
