// What the machine itself lets a server be: keelson_bare_http [THREADS] answers every request of a known length with
// one fixed prediction, without reading it. Its p99 under the same load is the scheduler's and the network's alone. It
// says "ready at http://127.0.0.1:PORT" as `keelson serve` does, and understands nothing else of HTTP.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "io/short_slice.h"

namespace {

constexpr std::string_view kBody =
    R"({"model_name":"bench","model_version":"1","outputs":[{"name":"predict","shape":[1],"datatype":"FP32","data":[0.5]}]})";
constexpr std::string_view kLength = "content-length: ";

[[noreturn]] void Die(const char* what) {
  std::perror(what);
  std::exit(1);
}

// The bytes of the whole request at the beginning of `in`, 0 while some are missing.
std::size_t RequestBytes(std::string_view in) {
  const auto head = in.find("\r\n\r\n");
  if (head == std::string_view::npos) return 0;
  std::size_t body = 0;
  for (const std::string_view name : {kLength, std::string_view("Content-Length: ")}) {
    if (const auto at = in.substr(0, head).find(name); at != std::string_view::npos) {
      std::from_chars(in.data() + at + name.size(), in.data() + head, body);
    }
  }
  return in.size() < head + 4 + body ? 0 : head + 4 + body;
}

void Serve(int listener) {
  keelson::io::AskForShortSlices();
  const std::string answer =
      "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: " + std::to_string(kBody.size()) +
      "\r\n\r\n" + std::string(kBody);
  const int poll = epoll_create1(0);
  epoll_event event{.events = EPOLLIN | EPOLLEXCLUSIVE, .data = {.fd = listener}};
  if (poll < 0 || epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event) != 0) Die("epoll");
  std::map<int, std::string> unread;
  std::vector<char> buffer(256 << 10);
  for (;;) {
    epoll_event events[64];
    const int count = epoll_wait(poll, events, 64, -1);
    for (int i = 0; i < count; ++i) {
      const int fd = events[i].data.fd;
      if (fd == listener) {
        const int taken = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
        if (taken < 0) continue;
        const int on = 1;
        setsockopt(taken, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        event = {.events = EPOLLIN, .data = {.fd = taken}};
        epoll_ctl(poll, EPOLL_CTL_ADD, taken, &event);
        continue;
      }
      const ssize_t got = read(fd, buffer.data(), buffer.size());
      if (got == 0) {
        unread.erase(fd);
        close(fd);
      }
      if (got <= 0) continue;
      std::string& in = unread[fd];
      in.append(buffer.data(), static_cast<std::size_t>(got));
      while (const std::size_t bytes = RequestBytes(in)) {
        in.erase(0, bytes);
        if (write(fd, answer.data(), answer.size()) != static_cast<ssize_t>(answer.size())) Die("write");
      }
    }
  }
}

}  // namespace

int main(int count, char** arguments) {
  const int threads = count > 1 ? std::atoi(arguments[1]) : 2;
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  sockaddr_in address{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  socklen_t size = sizeof(address);
  auto* const where = reinterpret_cast<sockaddr*>(&address);
  if (listener < 0 || bind(listener, where, size) != 0 || listen(listener, 1024) != 0 ||
      getsockname(listener, where, &size) != 0) {
    Die("listen");
  }
  std::printf("ready at http://127.0.0.1:%d\n", ntohs(address.sin_port));
  std::fflush(stdout);
  std::vector<std::jthread> others;
  for (int i = 1; i < threads; ++i) others.emplace_back(Serve, listener);
  Serve(listener);
}
