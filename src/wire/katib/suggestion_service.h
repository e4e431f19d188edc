#pragma once

#include <atomic>
#include <memory>
#include <string_view>

#include "base/thread_pool.h"
#include "io/grpc.h"

namespace keelson::wire::katib {

// api.v1.beta1.Suggestion, Katib's contract with those that choose the next trials of an experiment. It keeps nothing:
// every question brings the experiment and its trials with it. Safe from any thread; outlives the server.
class SuggestionService {
 public:
  static constexpr std::string_view kName = "api.v1.beta1.Suggestion";
  static constexpr std::string_view kHealthName = "manager.v1beta1.Suggestion";  // what Katib's own probe asks for

  explicit SuggestionService(std::size_t threads) : pool_(threads) {}

  // Null when the method is none of this service's.
  std::unique_ptr<io::GrpcHandler> Accept(const std::shared_ptr<io::GrpcCall>& call);

 private:
  void GetSuggestions(const std::shared_ptr<io::GrpcCall>& call, std::string_view message);

  std::atomic<int> waiting_ = 0;
  ThreadPool pool_;  // goes first: its tasks count in waiting_
};

}  // namespace keelson::wire::katib
