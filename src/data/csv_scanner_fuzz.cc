// A CSV file of any bytes: a schema with as many names as the header, all different, or an error that names the line.
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <set>
#include <string_view>

#include "data/csv_scanner.h"
#include "io/temp_folder.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace keelson;
  static const io::TempFolder folder = io::TempFolder::Make().value();
  const std::string path = folder.File("fuzz.csv");
  std::ofstream(path, std::ios::trunc | std::ios::binary)
      << std::string_view(reinterpret_cast<const char*>(data), size);
  data::CsvScanner::Options options;
  options.null_values = {"", "NA"};
  options.types = {{"declared", data::ColumnType::kInt64}};
  data::CsvScanner scanner(options);
  const Status scanned = scanner.ScanFile(path);
  if (!scanned.has_value()) {
    if (!scanned.error().where.starts_with(path)) std::abort();
    return 0;
  }
  std::set<std::string> names;
  for (const auto& column : scanner.schema()) {
    if (column.name.empty() || !names.insert(column.name).second) std::abort();
  }
  if (names.empty() || scanner.rows() > size) std::abort();
  data::CsvScanner twice(options);
  if (!twice.ScanFile(path).has_value() || !twice.ScanFile(path).has_value()) std::abort();
  if (twice.schema() != scanner.schema() || twice.rows() != 2 * scanner.rows()) std::abort();
  return 0;
}
