#include "data/duckdb_api.h"

#include <mutex>
#include <optional>

#include "io/library.h"

namespace keelson::data {
namespace {

template <typename Function>
Status Find(void* library, const char* name, Function& function) {
  KEELSON_ASSIGN_OR_RETURN(void* const address, io::FindSymbol(library, name));
  function = reinterpret_cast<Function>(address);
  return {};
}

Result<DuckDbApi> Resolve() {
  KEELSON_ASSIGN_OR_RETURN(void* const library, io::OpenLibrary("libduckdb.so"));
  DuckDbApi api;
#define KEELSON_RESOLVE(name) KEELSON_RETURN_IF_ERROR(Find(library, "duckdb_" #name, api.name));
  KEELSON_DUCKDB_FUNCTIONS(KEELSON_RESOLVE)
#undef KEELSON_RESOLVE
  return api;
}

}  // namespace

Result<const DuckDbApi*> OpenDuckDb() {
  static std::mutex mutex;
  static std::optional<DuckDbApi> resolved;
  const std::lock_guard lock(mutex);
  if (!resolved) {
    KEELSON_ASSIGN_OR_RETURN(resolved, Resolve());
  }
  return &*resolved;
}

}  // namespace keelson::data
