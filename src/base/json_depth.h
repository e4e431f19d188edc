#pragma once

#include <cstddef>
#include <string_view>

namespace keelson {

// How deep the arrays and objects of a JSON text stand inside one another. To be asked of an outside text before it is
// read into a tree: what copies or writes a tree calls itself for each level, and brackets alone would use up the
// stack.
std::size_t JsonDepth(std::string_view text);

// How many members the largest object of a JSON text has. To be asked before a text is read into objects that keep the
// order of their keys: those look for each key among all before it.
std::size_t JsonWidth(std::string_view text);

}  // namespace keelson
