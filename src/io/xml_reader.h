#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace keelson::io {

// One element of an XML document, with all that it holds.
struct XmlElement {
  std::string name;  // as written, with its prefix
  std::string text;  // its own text, in one piece, without that of its children
  std::vector<XmlElement> children = {};

  const XmlElement* Find(std::string_view child) const;  // the first of that name; null when there is none
  std::string Text(std::string_view child) const;        // its text; "" when there is none
};

// Reads a document as the APIs of object stores write them: elements, attributes (checked and dropped), text with
// references to characters and the five names, one declaration at the head. Strict: what is not well formed, and
// document types, comments, CDATA and processing instructions, which no such API writes, are kDataLoss with the offset.
// At most 64 levels deep, so that no answer can exhaust the stack.
Result<XmlElement> ReadXml(std::string_view document);

// The text as it stands between two tags.
std::string XmlEscaped(std::string_view text);

}  // namespace keelson::io
