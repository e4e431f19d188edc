#pragma once

#include <libpq-fe.h>

#include "base/result.h"

// The functions of PostgreSQL's libpq that we call, named once, without their prefix `PQ`.
#define KEELSON_LIBPQ_FUNCTIONS(X) \
  X(clear)                         \
  X(cmdStatus)                     \
  X(cmdTuples)                     \
  X(connectdbParams)               \
  X(conninfoFree)                  \
  X(conninfoParse)                 \
  X(errorMessage)                  \
  X(exec)                          \
  X(execPrepared)                  \
  X(finish)                        \
  X(freemem)                       \
  X(ftype)                         \
  X(getisnull)                     \
  X(getlength)                     \
  X(getvalue)                      \
  X(nfields)                       \
  X(ntuples)                       \
  X(prepare)                       \
  X(resultErrorField)              \
  X(resultErrorMessage)            \
  X(resultStatus)                  \
  X(serverVersion)                 \
  X(setNoticeProcessor)            \
  X(status)                        \
  X(transactionStatus)

namespace keelson::io {

// libpq as a table of function pointers, resolved from the system's library when it is first needed.
struct LibpqApi {
#define KEELSON_DECLARE(name) decltype(&::PQ##name) name = nullptr;
  KEELSON_LIBPQ_FUNCTIONS(KEELSON_DECLARE)
#undef KEELSON_DECLARE
};

// Opens libpq.so.5 once a process; thread-safe. The table lives as long as the process. kUnavailable says which package
// has it; the next call tries again.
Result<const LibpqApi*> OpenLibpq();

}  // namespace keelson::io
