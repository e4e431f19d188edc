#pragma once

#include <string_view>

#include "data/table.h"

namespace keelson::data {

// What a text of a CSV file may be read as without losing anything: "12" int64 (and double), "1.5e3" double, "true"
// bool, "2013-04-01T04:00:00Z" timestamp, all else string. Numbers with leading zeros ("007"), a plus sign, or more
// digits than an int64 holds are codes, so string.
ColumnType KindOf(std::string_view text);

// The narrowest type that holds values of both.
ColumnType CommonType(ColumnType a, ColumnType b);

}  // namespace keelson::data
