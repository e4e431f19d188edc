// A backup whose manifest is any bytes: checked or refused; nothing outside the backup's folder is looked at, and what
// is called sound names nothing that is not there. The first line and a sound file's line are made right, so that the
// fuzzer reaches what lies behind them.
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "io/backup.h"
#include "io/files.h"
#include "io/temp_folder.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace keelson;
  static const io::TempFolder folder = io::TempFolder::Make().value();
  static const bool made = io::Database::Open(folder.File("keelson.db")).has_value();
  if (!made) std::abort();
  std::ofstream(folder.File("rows"), std::ios::trunc) << "content";
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const std::string& manifest :
       {std::string(bytes), "keelson-backup 1\n" + Sha256::Hex("content") + " rows\n" + std::string(bytes)}) {
    std::ofstream(folder.File("MANIFEST"), std::ios::trunc) << manifest;
    const auto wrong = io::CheckBackup(folder.path());
    if (!wrong.has_value() || wrong->empty()) continue;
    if (manifest.find("/../") != std::string::npos && wrong->size() > size) std::abort();
  }
  return 0;
}
