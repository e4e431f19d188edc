// Any bytes as Katib's questions: refused, or answered with as many suggestions as are asked for, each with every
// parameter; and the same again.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "wire/katib/algorithm.h"
#include "wire/katib/messages.h"
#include "wire/katib/suggestions.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace keelson::wire::katib;
  const std::string_view message(reinterpret_cast<const char*>(data), size);
  if (const auto experiment = ReadValidationRequest(message)) (void)SettingsOf(*experiment);
  auto asked = ReadSuggestionsRequest(message);
  if (!asked) return 0;
  if (asked->current > 3) asked->current = 3;
  auto& settings = asked->experiment.algorithm.settings;
  std::erase_if(settings, [](const Named& setting) { return setting.first.starts_with("n_"); });  // as slow as asked
  const auto suggestions = Suggest(*asked);
  if (!suggestions) return 0;
  if (suggestions->size() != static_cast<std::size_t>(asked->current)) std::abort();
  for (const auto& suggestion : *suggestions) {
    if (suggestion.size() != asked->experiment.parameters.size()) std::abort();
  }
  if (*Suggest(*asked) != *suggestions) std::abort();
  return 0;
}
