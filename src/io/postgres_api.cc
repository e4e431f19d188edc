#include "io/postgres_api.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <mutex>
#include <optional>

#include "io/library.h"

namespace keelson::io {
namespace {

constexpr const char* kLibrary = "libpq.so.5";

template <typename Function>
Status Find(void* library, const char* name, Function& function) {
  KEELSON_ASSIGN_OR_RETURN(void* const address, FindSymbol(library, name));
  function = reinterpret_cast<Function>(address);
  return {};
}

// The system's, unlike the libraries that we bring: it belongs to the machine's OpenSSL and Kerberos.
Result<LibpqApi> Resolve() {
  void* const library = dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    return Fail(
        ErrorCode::kUnavailable,
        fmt::format("PostgreSQL's client library is missing ({}); on Debian: apt-get install libpq5", dlerror()),
        kLibrary);
  }
  LibpqApi api;
#define KEELSON_RESOLVE(name) KEELSON_RETURN_IF_ERROR(Find(library, "PQ" #name, api.name));
  KEELSON_LIBPQ_FUNCTIONS(KEELSON_RESOLVE)
#undef KEELSON_RESOLVE
  return api;
}

}  // namespace

Result<const LibpqApi*> OpenLibpq() {
  static std::mutex mutex;
  static std::optional<LibpqApi> resolved;
  const std::lock_guard lock(mutex);
  if (!resolved) {
    KEELSON_ASSIGN_OR_RETURN(resolved, Resolve());
  }
  return &*resolved;
}

}  // namespace keelson::io
