#include "project/problem.h"

#include <fmt/format.h>

namespace keelson::project {

std::string Problem::ToString() const {
  std::string text = fmt::format("{}:{}:{}: {}", file, line, column, what);
  if (!expected.empty()) text += ", expected " + expected;
  if (!did_you_mean.empty()) text += fmt::format(", did you mean \"{}\"?", did_you_mean);
  return text;
}

std::string ToString(const Problems& problems) {
  std::string text;
  for (const Problem& problem : problems) text += problem.ToString() + "\n";
  return text;
}

Error ToError(const Problems& problems) {
  std::string message = problems.size() == 1 ? "the project file has a mistake:"
                                             : fmt::format("the project file has {} mistakes:", problems.size());
  for (const Problem& problem : problems) message += "\n" + problem.ToString();
  return Error{ErrorCode::kFailedPrecondition, std::move(message), ""};
}

std::string Quoted(std::string_view text) {
  constexpr std::size_t kShown = 60;
  std::string quoted = "\"";
  std::size_t end = std::min(text.size(), kShown);
  while (end < text.size() && end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  for (char c : text.substr(0, end)) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      quoted += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      quoted += c;
    }
  }
  return quoted + (end < text.size() ? "...\"" : "\"");
}

}  // namespace keelson::project
