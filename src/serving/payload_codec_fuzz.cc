// The head of a payload segment up to the first line feed, then a record: read or refused, and what reads is written
// again as the same prediction.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "serving/payload_codec.h"

namespace {

// Bit for bit: a NaN equals itself.
template <typename T>
bool Same(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace keelson::serving;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(bytes.find('\n'), size);
  auto schema = DecodeHead(bytes.substr(0, end));
  if (!schema.has_value()) schema = PayloadSchema{"m", "1", {{"n", keelson::data::ColumnType::kDouble}}, {"p"}};
  const auto head = DecodeHead(EncodeHead(*schema));
  if (!head.has_value() || !(*head == *schema)) std::abort();
  const auto record = DecodeRecord(*schema, bytes.substr(std::min(end + 1, size)));
  if (!record.has_value()) return 0;
  const auto written = EncodeRecord(*schema, *record);
  if (!written.has_value()) std::abort();
  const auto again = DecodeRecord(*schema, *written);
  if (!again.has_value() || again->request_id != record->request_id || again->version != record->version ||
      again->time != record->time || again->rows != record->rows || !Same(again->outputs, record->outputs)) {
    std::abort();
  }
  if (again->asked.size() != record->asked.size() || again->answered.size() != record->answered.size()) std::abort();
  for (std::size_t i = 0; i < record->asked.size(); ++i) {
    if (again->asked[i].shape != record->asked[i].shape || again->asked[i].texts != record->asked[i].texts)
      std::abort();
  }
  for (std::size_t i = 0; i < record->inputs.size(); ++i) {
    if (again->inputs[i].strings != record->inputs[i].strings) std::abort();
  }
  return 0;
}
