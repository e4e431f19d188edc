#pragma once

#include <string>
#include <utility>
#include <vector>

namespace keelson::io {

// HashTree (io/files.h) of files that are not on this disk: relative path and HashFile of each, in any order. A single
// file has the path "".
std::string HashTreeOf(std::vector<std::pair<std::string, std::string>> files);

}  // namespace keelson::io
