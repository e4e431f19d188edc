#include "wire/mlflow/ui_files.h"

#include <utility>

#include "io/files.h"
#include "wire/mlflow/content_type.h"

namespace keelson::wire::mlflow {
namespace {

constexpr std::string_view kStatic = "/static-files/";

// What the page needs and no more: its own files and calls, styles and vector images that its libraries make in place,
// workers and frames that it fills itself. Nothing from or to another machine.
constexpr std::string_view kPolicy =
    "default-src 'self'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data: "
    "blob:; "
    "font-src 'self' data:; media-src 'self' blob:; worker-src 'self' blob:; frame-src 'self' blob:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'; object-src 'none'";

}  // namespace

Result<UiFiles> UiFiles::Open(std::string folder) {
  if (io::Exists(folder + "/index.html")) return UiFiles(std::move(folder));
  return Fail(
      ErrorCode::kNotFound,
      "there is no index.html; MLflow's page is the folder mlflow/server/js/build of an installed mlflow package",
      folder);
}

bool UiFiles::Takes(std::string_view path) {
  return path == "/" || path.starts_with(kStatic);
}

Result<io::HttpResponse> UiFiles::Answer(std::string_view path) const {
  const bool index = path == "/";
  const std::string name = index ? "index.html" : io::PercentDecode(path.substr(kStatic.size()));
  KEELSON_ASSIGN_OR_RETURN(const std::string file, io::SafeJoin(folder_, name));
  io::HttpResponse response;
  KEELSON_ASSIGN_OR_RETURN(response.file, io::HttpFile::Open(file));
  response.content_type = ContentTypeOf(name);
  // All but the index are named by what is in them.
  response.headers = {{"cache-control", index ? "no-cache" : "public, max-age=2419200"},
                      {"content-security-policy", std::string(kPolicy)},
                      {"referrer-policy", "same-origin"},
                      {"x-content-type-options", "nosniff"}};
  return response;
}

}  // namespace keelson::wire::mlflow
