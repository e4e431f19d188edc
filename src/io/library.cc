#include "io/library.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <mutex>

namespace keelson::io {
namespace {

constexpr const char* kMarker = "libduckdb.so";  // every tree of ours with libraries has it
constexpr int kFoldersAbove = 4;                 // build/release/src/ROOM/test and one more

}  // namespace

Result<std::string> LibraryFolder() {
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return Fail(ErrorCode::kUnavailable, "cannot find our own program: " + error.message(), "/proc/self/exe");
  auto folder = program.parent_path();
  for (int i = 0; i <= kFoldersAbove; ++i, folder = folder.parent_path()) {
    const auto candidate = folder / "lib";
    if (std::filesystem::exists(candidate / kMarker, error)) return candidate.string();
  }
  return Fail(ErrorCode::kNotFound,
              "the folder lib with our shared libraries is not beside the program; run script/build, "
              "or unpack the whole package",
              program.string());
}

Result<void*> OpenLibrary(const std::string& file_name) {
  static std::mutex mutex;
  static std::map<std::string, void*> opened;
  const std::lock_guard lock(mutex);
  if (const auto found = opened.find(file_name); found != opened.end()) return found->second;
  KEELSON_ASSIGN_OR_RETURN(const std::string folder, LibraryFolder());
  const std::string path = folder + "/" + file_name;
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr)
    return Fail(ErrorCode::kUnavailable, fmt::format("cannot open a library: {}", dlerror()), path);
  opened.emplace(file_name, handle);
  return handle;
}

Result<void*> FindSymbol(void* library, const char* name) {
  void* address = dlsym(library, name);
  if (address == nullptr) return Fail(ErrorCode::kUnsupported, fmt::format("the library has no symbol {}", name));
  return address;
}

}  // namespace keelson::io
