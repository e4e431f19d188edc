// A config.pbtxt or an input example of any bytes: read or refused; an example that is read fits the inputs it was read
// for.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "serving/input_example.h"
#include "serving/model_config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace keelson::serving;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  (void)ReadModelConfig(bytes);
  const TensorInfo inputs[] = {{"x", Datatype::kFp32, {-1, 2}}, {"t", Datatype::kBytes, {-1}, true}};
  for (const std::size_t count : {std::size_t{1}, std::size_t{2}}) {
    const auto tensors = ExampleTensors(bytes, {inputs, count});
    if (!tensors.has_value()) continue;
    for (const Tensor& tensor : *tensors) {
      const std::size_t held = tensor.datatype == Datatype::kBytes ? tensor.texts.size() : tensor.floats.size();
      if (held != tensor.elements()) std::abort();
    }
  }
  return 0;
}
