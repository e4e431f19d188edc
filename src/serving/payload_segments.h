#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace keelson::serving {

// Where the payload log's segments and their Parquet files lie; known without opening either.

// Paths below `root` that end so, sorted: in a folder the oldest segment first. None where there is no such folder.
Result<std::vector<std::string>> FilesBelow(const std::string& root, std::string_view suffix);
Result<std::vector<std::string>> PayloadSegmentsBelow(const std::string& root);

// The Parquet file in `to` of a segment below `from`.
std::string ParquetOfSegment(const std::string& segment, const std::string& from, const std::string& to);

// How PayloadExport::damaged names a segment: "PATH: why".
std::string DamagedSegment(const std::string& segment, std::string_view why);

// Segments below `from` that nobody adds to any more and that have no file in `to`, but for those that `damaged`, of an
// earlier export, names.
Result<std::size_t> CountPayloadSegmentsToTurn(const std::string& from, const std::string& to,
                                               const std::vector<std::string>& damaged = {});

}  // namespace keelson::serving
