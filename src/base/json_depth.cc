#include "base/json_depth.h"

#include <algorithm>
#include <vector>

namespace keelson {
namespace {

// Calls `visit` with every byte that stands outside the quoted texts.
template <typename Visit>
void ForEachByteOutsideTexts(std::string_view json, const Visit& visit) {
  bool in_text = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_text) {
      if (c == '\\') ++i;
      in_text = c != '"';
    } else if (c == '"') {
      in_text = true;
    } else {
      visit(c);
    }
  }
}

bool Opens(char c) {
  return c == '[' || c == '{';
}

bool Closes(char c) {
  return c == ']' || c == '}';
}

}  // namespace

std::size_t JsonDepth(std::string_view text) {
  std::size_t depth = 0;
  std::size_t deepest = 0;
  ForEachByteOutsideTexts(text, [&](char c) {
    if (Opens(c)) {
      deepest = std::max(deepest, ++depth);
    } else if (Closes(c) && depth > 0) {
      --depth;
    }
  });
  return deepest;
}

std::size_t JsonWidth(std::string_view text) {
  std::vector<std::size_t> open;  // the members so far of what is open
  std::size_t widest = 0;
  ForEachByteOutsideTexts(text, [&](char c) {
    if (Opens(c)) {
      open.push_back(0);
    } else if (c == ':' && !open.empty()) {
      widest = std::max(widest, ++open.back());
    } else if (Closes(c) && !open.empty()) {
      open.pop_back();
    }
  });
  return widest;
}

}  // namespace keelson
