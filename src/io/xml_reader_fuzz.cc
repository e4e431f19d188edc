// Feeds any bytes to the XML reader: it may not crash, what it accepts is valid text, and what is written again reads
// as the same.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/strings.h"
#include "io/xml_reader.h"

namespace {

using keelson::io::XmlElement;

void Write(const XmlElement& element, std::string& out) {
  if (!keelson::IsValidUtf8(element.text)) std::abort();
  out += "<" + element.name + ">" + keelson::io::XmlEscaped(element.text);
  for (const XmlElement& child : element.children) Write(child, out);
  out += "</" + element.name + ">";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto read = keelson::io::ReadXml({reinterpret_cast<const char*>(data), size});
  if (!read.has_value()) {
    if (read.error().message.empty() || read.error().where.empty()) std::abort();
    return 0;
  }
  std::string first;
  Write(*read, first);
  const auto again = keelson::io::ReadXml(first);
  if (!again.has_value()) std::abort();
  std::string second;
  Write(*again, second);
  if (first != second) std::abort();
  return 0;
}
