#include "wire/inference/grpc_stream.h"

#include <fmt/format.h>

#include <deque>
#include <mutex>
#include <optional>
#include <string>

#include "base/protobuf.h"

namespace keelson::wire::inference {
namespace {

using io::GrpcCode;
using io::GrpcStatus;

constexpr std::size_t kMostWaiting = 1'024;

// Triton's parameter that says that no further answer to the request will come, added to a ModelInferResponse.
void AppendLast(std::string* response) {
  ProtoWriter writer(response);
  writer.Nested(4, [&] {
    writer.Text(1, "triton_final_response");
    writer.Nested(2, [&] { writer.Element(1, 1); });
  });
}

class InferStream final : public io::GrpcHandler {
 public:
  InferStream(std::shared_ptr<io::GrpcCall> call, GrpcInfer infer)
      : state_(std::make_shared<State>(std::move(call), std::move(infer))) {}

  void OnMessage(std::string_view message) override {
    {
      const std::lock_guard lock(state_->mutex);
      if (state_->busy) {
        if (state_->waiting.size() < kMostWaiting) return state_->waiting.emplace_back(message), void();
        return state_->call->Finish(
            {GrpcCode::kResourceExhausted, fmt::format("{} requests wait on this stream already", kMostWaiting)});
      }
      state_->busy = true;
    }
    Ask(state_, message);
  }
  void OnHalfClose() override { EndWith({}); }
  void OnDrain() override { EndWith({GrpcCode::kUnavailable, "the server is ending"}); }

 private:
  struct State {
    State(std::shared_ptr<io::GrpcCall> of, GrpcInfer by) : call(std::move(of)), infer(std::move(by)) {}
    const std::shared_ptr<io::GrpcCall> call;
    const GrpcInfer infer;
    std::mutex mutex;
    std::deque<std::string> waiting;   // guarded by mutex, as are the two below
    bool busy = false;                 // a request is under way
    std::optional<GrpcStatus> ending;  // how to end when nothing waits any more
  };

  void EndWith(GrpcStatus status) {
    {
      const std::lock_guard lock(state_->mutex);
      if (state_->busy) {
        state_->ending = std::move(status);
        return;
      }
    }
    state_->call->Finish(std::move(status));
  }

  static void Ask(const std::shared_ptr<State>& state, std::string_view message) {
    state->infer(state->call, message, [state](GrpcOutcome outcome) {
      std::string out;
      ProtoWriter writer(&out);
      if (outcome) {
        AppendLast(&*outcome);
        writer.Bytes(2, *outcome);
      } else {
        writer.Text(1, outcome.error().message);
      }
      state->call->Write(std::move(out));
      Next(state);
    });
  }

  static void Next(const std::shared_ptr<State>& state) {
    std::string message;
    {
      const std::lock_guard lock(state->mutex);
      if (state->waiting.empty()) {
        state->busy = false;
        if (state->ending) state->call->Finish(*state->ending);
        return;
      }
      message = std::move(state->waiting.front());
      state->waiting.pop_front();
    }
    if (!state->call->ended()) Ask(state, message);
  }

  const std::shared_ptr<State> state_;
};

}  // namespace

std::unique_ptr<io::GrpcHandler> MakeInferStream(std::shared_ptr<io::GrpcCall> call, GrpcInfer infer) {
  return std::make_unique<InferStream>(std::move(call), std::move(infer));
}

}  // namespace keelson::wire::inference
