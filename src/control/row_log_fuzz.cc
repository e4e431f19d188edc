// A log of pushed rows whose frames are the lines of any text: read, opened or refused alike, and what opens takes a
// batch that is then read back.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string_view>

#include "base/strings.h"
#include "control/row_log.h"
#include "io/crc32c.h"
#include "io/temp_folder.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace keelson;
  static const io::TempFolder folder = io::TempFolder::Make().value();
  const std::string path = folder.File("rows.log");
  {
    std::ofstream log(path, std::ios::trunc | std::ios::binary);
    for (const auto line : Split({reinterpret_cast<const char*>(data), size}, '\n')) {
      if (line.empty()) continue;
      const auto length = static_cast<std::uint32_t>(line.size());
      const std::uint32_t crc = io::Crc32c(line);
      char head[8];
      std::memcpy(head, &length, 4);
      std::memcpy(head + 4, &crc, 4);
      log.write(head, 8) << line;
    }
  }
  const auto visit = [](const control::RowLog::Batch& batch) -> Status {
    for (std::size_t row = 0; row < batch.rows.rows(); ++row) {
      for (std::size_t column = 0; column < batch.rows.columns().size(); ++column) (void)batch.rows.At(row, column);
    }
    return {};
  };
  (void)control::RowLog::Read(path, 0, UINT64_MAX, visit);
  const auto log = control::RowLog::Open(path, "id", visit);
  if (!log.has_value()) return 0;
  data::Table rows({{"id", data::ColumnType::kString}, {"n", data::ColumnType::kDouble}});
  if (!rows.AppendRow({std::string("last"), 1.5}).has_value()) std::abort();
  const auto fresh = (*log)->OnlyNew(rows);
  if (!fresh.has_value() || !(*log)->Append(*fresh, Instant{}).has_value()) std::abort();
  const auto again = (*log)->OnlyNew(rows);
  if (!again.has_value() || again->rows() != 0) std::abort();
  return 0;
}
