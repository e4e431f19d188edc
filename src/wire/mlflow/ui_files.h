#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "io/http.h"

namespace keelson::wire::mlflow {

// MLflow's own page: the built files of an installed `mlflow` package (mlflow/server/js/build), as its server hands
// them out. They are MLflow's and not part of this program. Reads the folder for each request, so it is called where
// the disk may be waited for. Safe from many threads.
class UiFiles {
 public:
  // kNotFound: the folder has no index.html.
  static Result<UiFiles> Open(std::string folder);

  // "/" and what is below "/static-files/".
  static bool Takes(std::string_view path);

  // The file of such a path, still percent-encoded. kNotFound: there is none; kInvalidArgument: it leads elsewhere.
  Result<io::HttpResponse> Answer(std::string_view path) const;

 private:
  explicit UiFiles(std::string folder) : folder_(std::move(folder)) {}

  std::string folder_;
};

}  // namespace keelson::wire::mlflow
