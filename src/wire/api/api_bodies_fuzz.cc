// Any bytes as the body of a request to our own API: fields are read by type or refused. The text in front of the first
// line feed is the request's target.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "io/http.h"
#include "wire/api/body_reader.h"
#include "wire/api/gc_body.h"
#include "wire/api/promotion_body.h"
#include "wire/api/routes.h"

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

void AsGarbagePolicy(const std::string& body) {
  const auto read = wire::api::ReadGcBody(body);
  if (read.has_value() && !(read->price >= 0)) std::abort();
}

// What was read says the same when it is shown and read again.
void AsPromotion(const std::string& body) {
  const auto rules = wire::api::ReadPromotionRules(body);
  if (rules.has_value()) {
    const auto again = wire::api::ReadPromotionRules(wire::api::PromotionRulesView(*rules).dump());
    if (!again.has_value() || *again != *rules) std::abort();
  }
  (void)wire::api::ReadApproval(body);
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
  AsGarbagePolicy(body);
  AsPromotion(body);
  return 0;
}
