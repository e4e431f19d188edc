// What parses must render, and the Project document of the rendering must parse to the same thing.
// seeds: src/project/testdata/good
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "project/bundle.h"
#include "project/parse.h"
#include "project/render.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto parsed = keelson::project::ParseProject(text, "fuzz.yaml");
  if (parsed) {
    const std::string first = keelson::project::Render(parsed->project);
    const auto again = keelson::project::ParseProject(first.substr(0, first.find("---\n")), "rendered.yaml");
    if (!again || keelson::project::Render(again->project) != first) std::abort();
  } else if (parsed.error().empty()) {
    std::abort();
  }
  (void)keelson::project::Bundle::FromJson(text);
  return 0;
}
