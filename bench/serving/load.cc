// A load on an HTTP server, with its answers checked: one thread, kept-alive connections, each with one request at a
// time. Prints one JSON line: requests and their rate, latencies in microseconds, the client's own CPU time a request,
// and what went wrong (a status that is not 200, an array that is not the first answer's).
//
//   keelson_load --server http://127.0.0.1:8080 --path /v2/models/m/infer --body body.json --connections 8 --seconds 5
//   keelson_load ... --rate 1000                   # open loop: a thousand a second; waiting for a connection counts
//   keelson_load ... --path '/v2/models/m{}/infer' --paths 1000    # {} is 0 to 999 in turn
#include <fmt/core.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "io/http.h"
#include "io/http_parser.h"
#include "io/http_sockets.h"

namespace keelson::bench {
namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void Die(const std::string& why) {
  fmt::print(stderr, "keelson_load: {}\n", why);
  std::exit(1);
}

struct LoadOptions {
  std::string server;
  std::string path = "/";
  std::size_t paths = 1;
  std::string body_file;
  std::string array = "data";  // what is compared of each answer
  std::size_t connections = 1;
  double seconds = 5;
  double warm_up = 0.5;
  double rate = 0;
  bool spin = false;
  int cpu = -1;
};

// The array of that name in an answer, as it is written; "" when there is none.
std::string_view ArrayOf(std::string_view body, const std::string& name) {
  auto begin = body.find("\"" + name + "\"");
  if (begin != std::string_view::npos) begin = body.find('[', begin);
  if (begin == std::string_view::npos) return {};
  return body.substr(begin, body.find(']', begin) - begin);
}

class Load {
 public:
  explicit Load(const LoadOptions& options) : options_(options), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    auto target = io::ParseHttpTarget(options.server);
    if (!target) Die(target.error().ToString());
    target_ = *target;
    std::ifstream file(options.body_file, std::ios::binary);
    std::stringstream body;
    body << file.rdbuf();
    if (!file) Die("cannot read " + options.body_file);
    for (std::size_t i = 0; i < options.paths; ++i) {
      std::string path = options.path;
      if (const auto place = path.find("{}"); place != std::string::npos) path.replace(place, 2, std::to_string(i));
      requests_.push_back(
          fmt::format("POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
                      path, io::HostHeader(target_), body.str().size(), body.str()));
    }
    expected_.resize(options.paths);
    for (std::size_t i = 0; i < options.connections; ++i) Connect();
  }

  void Run() {
    prctl(PR_SET_TIMERSLACK, 1);  // nanoseconds: sleeps end when they should
    RunFor(options_.warm_up);
    warm_requests_ = latencies_.size();
    latencies_.clear();
    rusage before{};
    getrusage(RUSAGE_SELF, &before);
    const auto begun = Clock::now();
    RunFor(options_.seconds);
    const double seconds = Seconds(Clock::now() - begun);
    rusage after{};
    getrusage(RUSAGE_SELF, &after);
    Report(seconds, CpuMicroseconds(after) - CpuMicroseconds(before));
  }

 private:
  struct Connection {
    io::UniqueFd fd;
    io::HttpResponseParser parser;
    std::string in;
    std::size_t path = 0;
    Clock::time_point since{};
  };

  static double Seconds(Clock::duration time) { return std::chrono::duration<double>(time).count(); }
  static double CpuMicroseconds(const rusage& usage) {
    const auto micros = [](const timeval& t) {
      return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_usec);
    };
    return micros(usage.ru_utime) + micros(usage.ru_stime);
  }

  void Connect() {
    auto fd = io::StartConnect(target_);
    if (!fd) Die(fd.error().ToString());
    auto& connection = connections_.emplace_back(std::make_unique<Connection>());
    connection->fd = std::move(*fd);
    io::SetNoDelay(connection->fd.get());
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = connection.get();
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, connection->fd.get(), &event) != 0) Die("epoll_ctl failed");
    idle_.push_back(connection.get());
  }

  // Asks until the time is over, then waits for what is under way.
  void RunFor(double seconds) {
    const auto begun = Clock::now();
    const auto end = begun + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
    std::size_t sent = 0;
    while (true) {
      const auto now = Clock::now();
      const bool over = now >= end;
      if (over && idle_.size() == connections_.size()) return;
      timespec wait{10, 0};
      while (!over && !idle_.empty()) {
        auto due = now;
        if (options_.rate > 0) {
          due = begun + std::chrono::duration_cast<Clock::duration>(
                            std::chrono::duration<double>(static_cast<double>(sent) / options_.rate));
          if (due > now) {
            const auto rest = std::chrono::duration_cast<std::chrono::nanoseconds>(due - now).count();
            wait = {rest / 1'000'000'000, rest % 1'000'000'000};
            break;
          }
          // What waited for a connection waited for the server; what this thread slept too long did not.
          if (due >= free_since_) due = now;
        }
        Connection* const next = idle_.front();
        idle_.pop_front();
        Send(*next, due);
        ++sent;
        if (idle_.empty()) free_since_ = Clock::time_point::max();
      }
      std::array<epoll_event, 64> events;
      if (options_.spin) wait = {0, 0};
      const int count =
          epoll_pwait2(epoll_.get(), events.data(), static_cast<int>(events.size()), &wait, /*sigmask=*/nullptr);
      if (count == 0 && wait.tv_sec >= 10) Die("no answer for ten seconds");
      for (int i = 0; i < count; ++i) Receive(*static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr));
    }
  }

  void Send(Connection& connection, Clock::time_point since) {
    connection.path = next_path_++ % requests_.size();
    connection.since = since;
    connection.parser.Expect(false);
    std::string_view rest = requests_[connection.path];
    while (!rest.empty()) {
      const ssize_t count = send(connection.fd.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
      if (count < 0 && errno != EAGAIN && errno != EINTR && errno != ENOTCONN) Die("the connection broke");
      if (count > 0) rest.remove_prefix(static_cast<std::size_t>(count));
    }
  }

  void Receive(Connection& connection) {
    std::array<char, 1 << 16> buffer;
    const ssize_t count = recv(connection.fd.get(), buffer.data(), buffer.size(), 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count <= 0) Die("the server closed a connection");
    connection.in.append(buffer.data(), static_cast<std::size_t>(count));
    connection.in.erase(0, connection.parser.Feed(connection.in));
    if (connection.parser.failed()) Die(connection.parser.problem().message);
    if (!connection.parser.done()) return;
    const auto now = Clock::now();
    const io::HttpResponse answer = connection.parser.Take();
    latencies_.push_back(Seconds(now - connection.since) * 1e6);
    Check(answer, &expected_[connection.path]);
    if (idle_.empty()) free_since_ = now;
    idle_.push_back(&connection);
  }

  void Check(const io::HttpResponse& answer, std::string* expected) {
    const auto array = ArrayOf(answer.body, options_.array);
    if (expected->empty()) *expected = array;
    if (answer.status == 200 && !array.empty() && array == *expected) return;
    if (wrong_++ == 0) {
      fmt::print(stderr, "keelson_load: {} {}, expected {}\n", answer.status, answer.body.substr(0, 500), *expected);
    }
  }

  void Report(double seconds, double cpu_us) {
    if (latencies_.empty()) Die("no request was answered in time");
    std::sort(latencies_.begin(), latencies_.end());
    const auto at = [&](double share) {
      return latencies_[static_cast<std::size_t>(static_cast<double>(latencies_.size() - 1) * share)];
    };
    const auto count = static_cast<double>(latencies_.size());
    fmt::print(
        R"({{"connections":{},"requests":{},"warm_requests":{},"seconds":{:.3f},"rps":{:.1f},"p50_us":{:.1f},"p90_us":{:.1f},)"
        R"("p99_us":{:.1f},"max_us":{:.1f},"client_cpu_us":{:.2f},"wrong":{}}})"
        "\n",
        options_.connections, latencies_.size(), warm_requests_, seconds, count / seconds, at(0.5), at(0.9), at(0.99),
        at(1), cpu_us / count, wrong_);
  }

  LoadOptions options_;
  io::HttpTarget target_;
  io::UniqueFd epoll_;
  std::vector<std::string> requests_;  // one a path
  std::vector<std::string> expected_;  // one a path: the array of its first answer
  std::vector<std::unique_ptr<Connection>> connections_;
  std::deque<Connection*> idle_;
  Clock::time_point free_since_{};  // since when there is an idle connection
  std::vector<double> latencies_;
  std::size_t next_path_ = 0;
  std::size_t wrong_ = 0;
  std::size_t warm_requests_ = 0;
};

}  // namespace
}  // namespace keelson::bench

int main(int argc, char** argv) {
  CLI::App app("A load on an HTTP server, with its answers checked");
  keelson::bench::LoadOptions options;
  app.add_option("--server", options.server, "http://HOST:PORT or unix:PATH")->required();
  app.add_option("--path", options.path, "{} in it stands for a number below --paths");
  app.add_option("--paths", options.paths)->check(CLI::Range(1, 1'000'000));
  app.add_option("--body", options.body_file, "File of the body that is posted")->required();
  app.add_option("--array", options.array, "Which array of the answers is compared");
  app.add_option("--connections", options.connections)->check(CLI::Range(1, 10'000));
  app.add_option("--seconds", options.seconds)->check(CLI::Range(0.01, 3600.0));
  app.add_option("--warm-up", options.warm_up, "Seconds before, which do not count")->check(CLI::Range(0.0, 3600.0));
  app.add_option("--rate", options.rate, "Requests a second; without it as many as are answered");
  app.add_flag("--spin", options.spin, "Look for answers without sleeping, so that no wake-up of ours is measured");
  app.add_option("--cpu", options.cpu, "Run on this processor only")->check(CLI::Range(0, CPU_SETSIZE - 1));
  CLI11_PARSE(app, argc, argv);
  if (options.cpu >= 0) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(options.cpu, &one);
    if (sched_setaffinity(0, sizeof(one), &one) != 0) keelson::bench::Die("there is no such processor for us");
  }
  keelson::bench::Load(options).Run();
  return 0;
}
