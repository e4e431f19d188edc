// A model folder of any bytes: the text up to the first NUL is its MLmodel, what follows its keelson.json. Read or
// refused; what is read stays inside the folder, and its encoder reads back from its own JSON. What Python loads has
// none.
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string_view>

#include "io/temp_folder.h"
#include "serving/model_directory.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace keelson;
  static const io::TempFolder folder = io::TempFolder::Make().value();
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(bytes.find('\0'), size);
  std::ofstream(folder.File("MLmodel"), std::ios::trunc) << bytes.substr(0, end);
  std::ofstream(folder.File("keelson.json"), std::ios::trunc) << bytes.substr(std::min(end + 1, size));
  const auto directory = serving::ReadModelDirectory(folder.path());
  if (!directory.has_value()) return 0;
  if (directory->python) {
    if (directory->model_path != folder.path() || directory->encoder.has_value()) std::abort();
    return 0;
  }
  if (!directory->model_path.starts_with(folder.path() + "/")) std::abort();
  if (!directory->encoder.has_value()) std::abort();
  const auto again = features::InputEncoder::FromJson(directory->encoder->ToJson());
  if (!again.has_value() || !(*again == *directory->encoder)) std::abort();
  return 0;
}
