#include "app/roles/suggest_role.h"

#include <fmt/format.h>
#include <pthread.h>

#include <csignal>

#include "base/log.h"
#include "wire/katib/messages.h"

namespace keelson::app {
namespace {

constexpr std::chrono::seconds kDrain{10};
constexpr std::size_t kMessageBytes = 16u << 20;

}  // namespace

SuggestServer::SuggestServer(std::size_t threads)
    : service_(threads),
      health_({std::string(wire::katib::SuggestionService::kName),
               std::string(wire::katib::SuggestionService::kHealthName)}) {}

Result<std::unique_ptr<SuggestServer>> SuggestServer::Start(const SuggestOptions& options) {
  std::unique_ptr<SuggestServer> suggest(new SuggestServer(options.threads));
  KEELSON_ASSIGN_OR_RETURN(suggest->reflection_, io::GrpcReflection::Open(wire::katib::KatibDescriptors()));
  io::GrpcServerOptions server;
  server.host = options.host;
  server.port = options.port;
  server.limits.message_bytes = kMessageBytes;
  KEELSON_ASSIGN_OR_RETURN(
      suggest->server_,
      io::GrpcServer::Start(std::move(server), [raw = suggest.get()](const auto& call) { return raw->Accept(call); }));
  return suggest;
}

std::unique_ptr<io::GrpcHandler> SuggestServer::Accept(const std::shared_ptr<io::GrpcCall>& call) {
  if (auto handler = service_.Accept(call)) return handler;
  if (auto handler = health_.Accept(call)) return handler;
  return reflection_->Accept(call);
}

void SuggestServer::Drain(std::chrono::milliseconds at_most) {
  health_.SetServing(false);
  server_->Drain(at_most);
}

Result<int> RunSuggest(const SuggestOptions& options, std::ostream& out) {
  // Blocked before the first thread is made, so that all inherit it and only the wait below takes them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  SetLogRole("suggest");
  KEELSON_ASSIGN_OR_RETURN(const auto server, SuggestServer::Start(options));
  out << fmt::format("keelson suggest: ready at grpc://{}:{}", options.host, server->port()) << "\n" << std::flush;
  int signal = 0;
  sigwait(&signals, &signal);
  LogInfo("draining", {{"why", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
  server->Drain(kDrain);
  return 0;
}

}  // namespace keelson::app
