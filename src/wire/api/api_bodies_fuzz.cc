// Any bytes as the body of a request to our own API: fields are read by type or refused, and as pushed rows they become
// a table of the source's columns or are refused. The text in front of the first line feed is the request's target.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "control/row_intake.h"
#include "io/http.h"
#include "wire/api/api.h"

namespace {

using namespace keelson;

void AsFields(const std::string& body) {
  auto reader = wire::api::BodyReader::Parse(body);
  if (!reader.has_value()) return;
  (void)reader->Text("bundle");
  (void)reader->OptionalText("as_of");
  (void)reader->Integer("version");
  (void)reader->Any("dry_run");
  (void)reader->Done();
}

void AsRows(const std::string& body) {
  auto reader = wire::api::BodyReader::Parse(body);
  if (!reader.has_value()) return;
  const auto rows = reader->Any("rows");
  if (!rows.has_value()) return;
  using data::ColumnType;
  const data::Schema schema = {{"id", ColumnType::kString},
                               {"i", ColumnType::kInt64},
                               {"d", ColumnType::kDouble},
                               {"b", ColumnType::kBool},
                               {"t", ColumnType::kTimestamp}};
  std::vector<std::string> unknown;
  const auto table = control::TableOfJsonRows(*rows, schema, unknown);
  if (table.has_value() && !table->columns().empty() && table->rows() != rows->size()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(bytes.find('\n'), size);
  const std::string_view target = bytes.substr(0, end);
  const std::string_view path = target.substr(0, target.find('?'));
  const auto match = wire::api::FindRoute("POST", path);
  if (match.route != nullptr) {
    for (const auto& part : match.parts) (void)io::PercentDecode(part);
  }
  (void)io::QueryValue(target.substr(std::min(path.size() + 1, target.size())), "after");
  const std::string body(bytes.substr(std::min(end + 1, size)));
  AsFields(body);
  AsRows(body);
  return 0;
}
