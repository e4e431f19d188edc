#pragma once

#include <string>

#include "base/result.h"

namespace keelson::io {

// The folder with the shared libraries that we open ourselves (DuckDB, XGBoost, ONNX Runtime): `lib` beside the
// program, `../lib` (an installed tree: bin/keelson, lib/), or for the test programs of a build tree the nearest `lib`
// above. kNotFound otherwise.
Result<std::string> LibraryFolder();

// Opens `file_name` ("libduckdb.so") from that folder, once a process; later calls give the same handle. Never closed.
// kNotFound or kUnavailable says the path and the loader's reason.
Result<void*> OpenLibrary(const std::string& file_name);

// The address of a symbol of an opened library; kUnsupported names the symbol when it is missing.
Result<void*> FindSymbol(void* library, const char* name);

}  // namespace keelson::io
