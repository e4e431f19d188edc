// Any text as a time, a span, a number, hex digits: refused, or a value that is written as what reads the same.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/strings.h"
#include "base/time.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace keelson;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static const Calendar calendar = Calendar::Open("America/New_York").value();
  if (const auto instant = ParseInstant(text); instant.has_value()) {
    const auto again = ParseInstant(FormatInstant(*instant));
    if (!again.has_value() || *again != *instant) std::abort();
    (void)calendar.Day(*instant);
    if (calendar.StartOfDay(*instant) > *instant) std::abort();
  }
  (void)calendar.ParseLocal(text);
  if (const auto span = ParseDuration(text); span.has_value()) {
    const auto again = ParseDuration(FormatDuration(*span));
    if (!again.has_value() || *again != *span) std::abort();
  }
  if (const auto bytes = HexDecode(text); bytes.has_value()) {
    if (HexEncode(*bytes) != ToLower(text)) std::abort();
  }
  if (const auto number = ParseInt(text); number.has_value() && !ParseDouble(text).has_value()) std::abort();
  (void)IsValidUtf8(text);
  (void)DidYouMean(text.substr(0, 40), {"sources", "tables", "train"});
  return 0;
}
