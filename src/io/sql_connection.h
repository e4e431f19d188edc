#pragma once

#include <string_view>

#include "io/database.h"

namespace keelson::io {

// One connection to a database, with the transactions that SqlDatabase makes of it. Owned and used by one thread at a
// time. Nobody else uses it.
class SqlConnection : public SqlSession {
 public:
  // A writing transaction: waits until there is no other one, of this process or of another.
  virtual Status BeginWrite() = 0;
  // A snapshot; nothing can be changed in it.
  virtual Status BeginRead() = 0;
  // On disk when it returns. An error means that it was not committed, or, with kUnavailable, that this is not known.
  virtual Status Commit() = 0;
  virtual Status RollBack() = 0;
  virtual bool InTransaction() const = 0;  // false, too, after an error in which the database gave it up

  // The step's statements, inside a writing transaction.
  virtual Status RunMigration(const Migration& migration) = 0;

  // Whether the other end is gone. The next Begin looks for it anew; what was asked may be asked again.
  virtual bool Lost() const = 0;
};

}  // namespace keelson::io
