// Any bytes as the messages of the gRPC inference service: what is read gives tensors whose contents fit their shapes,
// and can be written as an answer, typed and raw.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "wire/inference/grpc_messages.h"
#include "wire/inference/grpc_replies.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace keelson::wire::inference;
  const std::string_view message(reinterpret_cast<const char*>(data), size);
  (void)ReadNamedModel(message);
  (void)ReadRepositoryChange(message);
  const auto asked = ReadGrpcInferRequest(message, {});
  if (!asked) return 0;
  for (const Tensor& tensor : asked->request.inputs) {
    const std::size_t held = tensor.floats.size() + tensor.doubles.size() + tensor.ints.size() + tensor.texts.size();
    if (held != tensor.elements()) std::abort();
  }
  for (const bool raw : {false, true}) {
    const GrpcInferAnswer answer{asked->model, asked->version, asked->request.id, raw};
    const auto bytes = WriteGrpcInferAnswer(answer, asked->request.inputs);
    const auto head = ReadGrpcInferHead(bytes);  // what is of both stands in the same fields
    if (!head || head->model != asked->model || head->version != asked->version || head->id != asked->request.id) {
      std::abort();
    }
  }
  return 0;
}
