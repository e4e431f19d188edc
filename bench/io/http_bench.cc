// What one request costs our HTTP edge: keelson_http_bench [REQUESTS]. Each figure is one JSON line:
//   server_cpu_us  CPU time of the server process per request (user and system), the client in a process of its own
//   p50_us, p99_us as the client (HttpConnection, one request at a time) sees them
// "echo" is HttpServer alone; "gateway" is a server that forwards through Gateway to an echo in a further process, so
// that its server_cpu_us is the gateway's own; added p50 is gateway minus echo on the same transport. "pipelined" sends
// 16 requests in one write: the server's cost without one wake-up for each. Bodies are 200 bytes, as a prediction's
// are. "tls" is TLS 1.3 with a P-256 certificate, "connect" with a new connection and a full handshake for each
// request. Every answer is checked.
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "gateway/gateway.h"
#include "io/http.h"
#include "io/http_sockets.h"
#include "io/tls.h"
#include "io/tls_testing.h"

namespace keelson {
namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void Die(const std::string& why) {
  std::fprintf(stderr, "http_bench: %s\n", why.c_str());
  std::exit(1);
}

double CpuMicros(const rusage& usage) {
  const auto micros = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_usec);
  };
  return micros(usage.ru_utime) + micros(usage.ru_stime);
}

void Echo(io::HttpRequest request, io::HttpRespond respond) {
  respond({.body = std::move(request.body)});
}

// A server in a process of its own; the pipe's end tells it to stop, and wait4 then gives its CPU time.
class Child {
 public:
  template <typename Serve>
  explicit Child(Serve serve) {
    int stop[2];
    int ready[2];
    if (pipe(stop) != 0 || pipe(ready) != 0) Die("no pipe");
    pid_ = fork();
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      close(stop[1]);
      const int port = serve([&](int bound) {
        if (write(ready[1], &bound, sizeof bound) != sizeof bound) _exit(1);
        char byte = 0;
        if (read(stop[0], &byte, 1) < 0) _exit(1);
      });
      _exit(port);
    }
    close(stop[0]);
    close(ready[1]);
    stop_ = stop[1];
    if (read(ready[0], &port_, sizeof port_) != sizeof port_) Die("a server did not start");
    close(ready[0]);
  }
  int port() const { return port_; }
  double StopAndCpu() {
    close(stop_);
    int status = 0;
    rusage usage{};
    wait4(pid_, &status, 0, &usage);
    return CpuMicros(usage);
  }

 private:
  pid_t pid_ = 0;
  int stop_ = -1;
  int port_ = 0;
};

// `tls`: the certificate of a server that speaks TLS.
auto ServeEcho(const std::string& unix_socket, const io::testing::IssuedCertificate& tls = {}) {
  return [unix_socket, tls](auto wait) {
    io::HttpServerOptions options{.unix_socket = unix_socket};
    if (!tls.certificate.empty()) {
      auto opened = io::TlsServer::Open({.certificate = tls.certificate, .key = tls.key});
      if (!opened.has_value()) return 1;
      options.tls = *opened;
    }
    auto server = io::HttpServer::Start(options, Echo);
    if (!server.has_value()) return 1;
    wait((*server)->port());
    return 0;
  };
}

auto ServeGateway(const std::string& unix_socket, const std::string& replica) {
  return [=](auto wait) {
    const auto gateway = gateway::Gateway::Create();
    gateway->Configure({.name = "m", .backends = {{"1", 100, {replica}}}});
    auto server =
        io::HttpServer::Start({.unix_socket = unix_socket}, [&](io::HttpRequest request, io::HttpRespond respond) {
          io::HttpCall call{.method = "POST", .target = std::move(request.path), .body = std::move(request.body)};
          gateway->Forward({.endpoint = "m", .request_id = request.request_id, .call = std::move(call)},
                           [respond = std::move(respond)](Result<io::HttpResponse> result) {
                             respond(result.has_value() ? *std::move(result) : io::HttpResponse{.status = 502});
                           });
        });
    if (!server.has_value()) return 1;
    wait((*server)->port());
    return 0;
  };
}

struct Latency {
  double p50 = 0;
  double p99 = 0;
};

Latency AskOneByOne(const io::HttpTarget& target, int requests) {
  const auto connection = io::HttpConnection::Create(target);
  const io::HttpCall call{.method = "POST", .target = "/v2/models/m/infer", .body = std::string(200, 'x')};
  std::vector<double> times;
  times.reserve(static_cast<std::size_t>(requests));
  for (int i = 0; i < requests; ++i) {
    const auto start = Clock::now();
    const auto response = connection->Call(call);
    times.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
    if (!response.has_value() || response->body != call.body) Die("a wrong answer");
  }
  std::sort(times.begin(), times.end());
  return {times[times.size() / 2], times[times.size() * 99 / 100]};
}

// Each request with a full handshake: P-256 and TLS 1.3.
Latency AskOnNewConnections(const io::HttpTarget& target, int requests) {
  const io::HttpCall call{.method = "POST", .target = "/", .body = std::string(200, 'x')};
  std::vector<double> times;
  for (int i = 0; i < requests; ++i) {
    const auto start = Clock::now();
    const auto response = io::HttpConnection::Create(target)->Call(call);
    times.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
    if (!response.has_value() || response->body != call.body) Die("a wrong answer");
  }
  std::sort(times.begin(), times.end());
  return {times[times.size() / 2], times[times.size() * 99 / 100]};
}

Latency AskPipelined(const io::HttpTarget& target, int requests) {
  constexpr int kDepth = 16;
  auto fd = io::StartConnect(target);
  if (!fd.has_value()) Die("cannot connect");
  std::string batch;
  const std::string body(200, 'x');
  for (int i = 0; i < kDepth; ++i)
    batch += "POST /v2/models/m/infer HTTP/1.1\r\nhost: localhost\r\ncontent-length: 200\r\n\r\n" + body;
  std::vector<char> buffer(1u << 16);
  for (int done = 0; done < requests; done += kDepth) {
    if (send(fd->get(), batch.data(), batch.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(batch.size()))
      Die("a short write");
    std::string heard;
    for (int answers = 0; answers < kDepth;) {
      const ssize_t count = recv(fd->get(), buffer.data(), buffer.size(), 0);
      if (count <= 0 && errno != EAGAIN) Die("the server closed");
      if (count > 0) heard.append(buffer.data(), static_cast<std::size_t>(count));
      answers = 0;
      for (std::size_t at = heard.find(body); at != std::string::npos; at = heard.find(body, at + body.size()))
        ++answers;
    }
  }
  return {};
}

void Report(const char* name, double cpu, int requests, const Latency& latency) {
  std::printf("{\"figure\": \"%s\", \"requests\": %d, \"server_cpu_us\": %.2f", name, requests, cpu / requests);
  if (latency.p50 > 0) std::printf(", \"p50_us\": %.1f, \"p99_us\": %.1f", latency.p50, latency.p99);
  std::printf("}\n");
  std::fflush(stdout);
}

template <typename Ask>
void Measure(const char* name, Child server, const std::string& unix_socket, int requests, Ask ask,
             const std::string& ca = "") {
  io::HttpTarget target{.port = server.port(), .unix_socket = unix_socket};
  if (!ca.empty()) {
    target.tls = true;
    target.tls_client = io::TlsClient::Open({.ca = ca}).value();
  }
  const Latency latency = ask(target, requests);
  Report(name, server.StopAndCpu(), requests, latency);
}

int Main(int requests) {
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / ("keelson-bench-" + RandomId());
  std::filesystem::create_directories(folder);
  const std::string front = folder / "front";
  const std::string back = folder / "back";
  io::testing::TestAuthority authority(folder, "bench");
  const auto certificate = authority.Issue("bench");
  for (int round = 0; round < 2; ++round) {
    Measure("echo, unix", Child(ServeEcho(front)), front, requests, AskOneByOne);
    Measure("echo, tcp", Child(ServeEcho("")), "", requests, AskOneByOne);
    Measure("echo, tls", Child(ServeEcho("", certificate)), "", requests, AskOneByOne, authority.ca());
    Measure("connect, tls", Child(ServeEcho("", certificate)), "", requests / 20, AskOnNewConnections, authority.ca());
    Measure("echo, unix, pipelined", Child(ServeEcho(front)), front, requests, AskPipelined);
    Child replica(ServeEcho(back));
    Measure("gateway, tcp to unix", Child(ServeGateway("", "unix:" + back)), "", requests, AskOneByOne);
    Measure("gateway, unix to unix", Child(ServeGateway(front, "unix:" + back)), front, requests, AskOneByOne);
    replica.StopAndCpu();
  }
  std::filesystem::remove_all(folder);
  return 0;
}

}  // namespace
}  // namespace keelson

int main(int argc, char** argv) {
  const int requests = argc > 1 ? std::atoi(argv[1]) : 20'000;
  if (requests < 100) {
    std::fprintf(stderr, "usage: keelson_http_bench [REQUESTS], at least 100\n");
    return 2;
  }
  return keelson::Main(requests);
}
