// Any body of an inference request, with a length of its JSON from the first byte (0: all of it). What parses gives
// tensors whose contents fit their shapes, its entity keys are taken or refused, and with a tensor spliced into its
// inputs it parses again, one input longer.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "wire/inference/edge.h"
#include "wire/inference/entity_keys.h"
#include "wire/inference/infer_request.h"

namespace {

using namespace keelson;
using namespace keelson::wire::inference;

void CheckTensor(const Tensor& tensor) {
  const std::size_t held = tensor.floats.size() + tensor.doubles.size() + tensor.ints.size() + tensor.texts.size();
  if (held != tensor.elements()) std::abort();
  if (!tensor.missing.empty() && tensor.missing.size() != tensor.elements()) std::abort();
  if (tensor.datatype == Datatype::kBytes) return;
  for (std::size_t i = 0; i < tensor.elements(); ++i) (void)tensor.Number(i);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto length = ParseJsonLength(data[0] == 0 ? "" : std::to_string(data[0]), body.size());
  if (!length.has_value()) return 0;
  InferRequestOptions options;
  options.limits.elements = 1 << 16;
  options.limits.inputs = 64;
  const auto request = ParseInferRequest(body, *length, options);
  if (!request.has_value()) return 0;
  for (const Tensor& tensor : request->inputs) CheckTensor(tensor);
  (void)TakeEntityKeys({{"s", data::ColumnType::kString}, {"i", data::ColumnType::kInt64}}, request->inputs);
  (void)TakeEntityKeys({{"d", data::ColumnType::kDouble}, {"b", data::ColumnType::kBool}}, request->inputs);

  const std::string tensors = FeatureTensors({"feature"}, 1, {0.5});
  const std::string spliced = SpliceInputs(body, *request, tensors);
  auto spliced_length = *length;
  if (spliced_length) *spliced_length += spliced.size() - body.size();
  options.limits.inputs = 65;
  const auto again = ParseInferRequest(spliced, spliced_length, options);
  if (!again.has_value() || again->inputs.size() != request->inputs.size() + 1) std::abort();
  if (again->inputs.back().floats != std::vector<float>{0.5f} || again->id != request->id) std::abort();
  return 0;
}
