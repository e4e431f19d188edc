#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "app/commands.h"
#include "app/roles/serve_role.h"

namespace keelson::app {
namespace {

struct ServeFlags {
  std::vector<std::string> models;
  std::string version = "1";
  std::string hash;
  std::size_t memory_budget_mib = 0;
  std::size_t max_body_mib = io::HttpLimits{}.body_bytes >> 20;
  std::size_t max_header_kib = io::HttpLimits{}.header_bytes >> 10;
  std::int64_t batch_delay_us = 0;
  double sample = 0;  // 0: not said
  std::uint64_t payload_limit_mib = 0;
  serving::ReplicaOptions options;
  ServeListenOptions listen;
};

Result<int> Serve(ServeFlags flags, Terminal& terminal) {
  if (!flags.hash.empty() && flags.models.size() != 1) {
    return Fail(ErrorCode::kInvalidArgument, "--hash is of one model; give one --model");
  }
  for (const auto& text : flags.models) {
    const auto equals = text.find('=');
    if (equals == 0 || equals == std::string::npos || equals + 1 == text.size()) {
      return Fail(ErrorCode::kInvalidArgument, fmt::format("--model is \"{}\", expected NAME=PATH", text));
    }
    serving::ModelSource source;
    source.name = text.substr(0, equals);
    source.version = flags.version;
    source.path = text.substr(equals + 1);
    source.content_hash = flags.hash;
    flags.options.models.push_back(std::move(source));
  }
  flags.options.policy.delay = std::chrono::microseconds(flags.batch_delay_us);
  if (flags.sample != 0) flags.options.payload_sample = flags.sample;
  flags.options.payload_limit_bytes = flags.payload_limit_mib << 20;
  flags.options.memory_budget_bytes = flags.memory_budget_mib << 20;
  flags.listen.limits.body_bytes = flags.max_body_mib << 20;
  flags.listen.limits.header_bytes = flags.max_header_kib << 10;
  return RunReplica(flags.options, flags.listen, terminal.out);
}

}  // namespace

Command ServeCommand() {
  return {"serve", "Serve models over the Open Inference Protocol",
          "keelson serve --model flights=model.ubj --port 8080\n"
          "curl -d '{\"inputs\":[{\"name\":\"x\",\"shape\":[1,2],\"datatype\":\"FP32\",\"data\":[0.5,3]}]}' "
          "localhost:8080/v2/models/flights/infer",
          [](CLI::App& app) -> RunCommand {
            auto flags = std::make_shared<ServeFlags>();
            app.add_option("--model", flags->models,
                           "NAME=PATH of a model file (.json, .ubj, .txt, .onnx) or an MLflow model directory");
            app.add_option(
                "--models", flags->options.models_folder,
                "Folder of models, instead: NAME/VERSION/model.* or NAME/model.*, as Triton and KServe have it");
            app.add_option("--python", flags->options.python,
                           "Python interpreter for models that need one: the environment that they were made for; "
                           "without it the model directory's env/bin/python, else python3");
            app.add_option("--memory-budget", flags->memory_budget_mib,
                           "MiB that all models may take together; the least recently used are loaded again when they "
                           "are asked; 0 is no limit")
                ->check(CLI::Range(0, 1 << 20))
                ->capture_default_str();
            app.add_option("--max-batch-size", flags->options.policy.max_rows,
                           "Rows that requests to a slow model of tensors are computed in together; 1 is one by one. A "
                           "model's config.pbtxt goes before this and the next two")
                ->check(CLI::Range(1, 1 << 20))
                ->capture_default_str();
            app.add_option("--batch-delay", flags->batch_delay_us,
                           "Microseconds that a batch may wait for more while the model is at work; a lone request "
                           "never waits")
                ->check(CLI::Range(0, 60'000'000))
                ->capture_default_str();
            app.add_option("--queue-limit", flags->options.policy.queue_limit,
                           "Requests that may wait for one model; over it they are refused with 429")
                ->check(CLI::Range(1, 1'000'000))
                ->capture_default_str();
            app.add_option("--version", flags->version, "The models' version on the wire")->capture_default_str();
            app.add_option("--hash", flags->hash, "Content hash that the model must have");
            auto* port = app.add_option("--port", flags->options.port, "Port to listen on; 0 is any free one")
                             ->check(CLI::Range(0, 65535))
                             ->capture_default_str();
            auto* grpc_port = app.add_option("--grpc-port", flags->options.grpc_port,
                                             "Port to answer gRPC on, beside the one for REST; 0 is any free one, "
                                             "without the option there is none")
                                  ->check(CLI::Range(0, 65535));
            app.add_option("--unix", flags->options.unix_socket, "Unix socket to listen at, instead of a port")
                ->excludes(port)
                ->excludes(grpc_port);
            flags->listen.listen.AddTo(app);
            app.add_option("--token-file", flags->listen.token_file,
                           "File of the SHA-256 of the token that requests need beyond loopback; when it is not there "
                           "a token is made and printed once");
            app.add_option("--threads", flags->options.threads, "Threads that answer")
                ->check(CLI::Range(1, 256))
                ->capture_default_str();
            app.add_option("--max-body", flags->max_body_mib,
                           "MiB of a request's body (a gRPC message), as sent and when decompressed")
                ->check(CLI::Range(1, 2'047))
                ->capture_default_str();
            app.add_option("--max-header", flags->max_header_kib,
                           "KiB of a request's first line and headers (of a gRPC call's metadata)")
                ->check(CLI::Range(1, 1'024))
                ->capture_default_str();
            app.add_option("--max-connections", flags->listen.limits.connections, "Connections at a time, idle or not")
                ->check(CLI::Range(1, 1'000'000))
                ->capture_default_str();
            app.add_option("--max-rank", flags->listen.tensors.rank, "Dimensions of a tensor")
                ->check(CLI::Range(1, 64))
                ->capture_default_str();
            app.add_option("--max-elements", flags->listen.tensors.elements, "Elements of a tensor, values of a table")
                ->check(CLI::Range(1, 1 << 30))
                ->capture_default_str();
            auto* log = app.add_option("--payload-log", flags->options.payload_folder,
                                       "Folder to log every prediction in, before it is answered");
            app.add_option("--payload-sample", flags->sample,
                           "Log this part of the predictions only, 0.01 for one in a hundred, chosen by the request id "
                           "and written behind the answers; what the disk does not keep up with is dropped and counted")
                ->check(CLI::Range(1e-9, 1.0))
                ->needs(log);
            app.add_option("--payload-limit", flags->payload_limit_mib,
                           "MiB that the log of a model version may take; over it a complete log refuses requests with "
                           "429, a sampled one drops records; 0 is no limit")
                ->check(CLI::Range(0, 1 << 30))
                ->capture_default_str()
                ->needs(log);
            app.add_option("--lock", flags->options.lock_file, "End when this lock file of a server was free for 30 s");
            return [flags](Terminal& terminal) { return Serve(*flags, terminal); };
          }};
}

}  // namespace keelson::app
