#pragma once

#include <string_view>

#include "base/result.h"

struct sqlite3;

namespace keelson::io {

// Gives a connection SQL's "text REGEXP pattern": whether the pattern, a regular expression of Perl's kind, is found in
// the text. A pattern that is none, or one that would take for ever on a text, fails the statement. SQLite's code.
int AddRegexp(sqlite3* connection);

Status CheckRegexp(std::string_view pattern);  // kInvalidArgument unless REGEXP can take it

}  // namespace keelson::io
