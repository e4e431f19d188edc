// Whole requests: the first line is the method and the path with its query, the rest the body.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "io/database.h"
#include "io/temp_folder.h"
#include "tracking/store.h"
#include "wire/mlflow/edge.h"

namespace {

struct World {
  keelson::io::TempFolder folder = *keelson::io::TempFolder::Make();
  keelson::ManualClock clock;
  std::unique_ptr<keelson::io::Database> database = *keelson::io::Database::Open(folder.File("db"));
  std::unique_ptr<keelson::tracking::Store> store =
      *keelson::tracking::Store::Open(*database, clock, folder.File("artifacts"));
  keelson::wire::mlflow::Edge edge{*database, clock, folder.File("artifacts"), 1};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static World world;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) return 0;
  const std::string_view line = text.substr(0, end);
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos) return 0;
  keelson::io::HttpRequest request;
  request.method = line.substr(0, space);
  const std::string_view target = line.substr(space + 1);
  const std::size_t question = std::min(target.find('?'), target.size());
  request.path = target.substr(0, question);
  if (question < target.size()) request.query = target.substr(question + 1);
  request.headers = {{"content-type", "application/json"}};
  request.body = text.substr(end + 1);
  if (!keelson::wire::mlflow::Edge::Takes(request.path)) return 0;
  const auto response = world.edge.Answer(request);
  if (response.status < 200 || response.status > 599) std::abort();
  return 0;
}
