#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace keelson::io {

// Our statements are written once, in the words that SQLite and PostgreSQL share where these suffice, else in
// SQLite's. This says them in PostgreSQL's:
//   ? and ?N                       $N, numbered as SQLite numbers them
//   INSERT OR IGNORE ...           INSERT ... ON CONFLICT DO NOTHING
//   x IS ?, x IS NOT ?             x IS [NOT] DISTINCT FROM, NULL being equal to itself
//   x GLOB ?                       x LIKE, its pattern translated when it is bound (LikeOfGlob)
//   x REGEXP ?                     x ~ ?
//   x LIKE ?                       x ILIKE, where nothing escapes
//   instr(a, b), max(a, b)         strpos, greatest (and least); a max of one argument stays
//   INTEGER, REAL, BLOB            BIGINT, DOUBLE PRECISION, BYTEA
//   INTEGER PRIMARY KEY            an identity column that also takes a given number
//   TEXT of a new column           TEXT COLLATE "C": in the order of its bytes
//   STRICT, WITHOUT ROWID          nothing
// What it does not name passes as it is. INSERT OR REPLACE is none of it: say the key, with ON CONFLICT.
struct PostgresStatement {
  std::string text;
  std::size_t parameters = 0;      // $1 to $parameters
  std::vector<std::size_t> globs;  // the parameters, from 1, that are patterns of GLOB
};

// `sql` may be a script of several statements, which then has no parameters.
PostgresStatement InPostgres(std::string_view sql);

// The pattern of LIKE, with a backslash before what shall mean itself, for a pattern of GLOB: *, ? and a class of one
// character, as tracking makes them.
std::string LikeOfGlob(std::string_view glob);

}  // namespace keelson::io
