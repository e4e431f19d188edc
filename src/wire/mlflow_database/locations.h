#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/database.h"

namespace keelson::wire::mlflow_database {

// Where a server of MLflow kept artifacts, and where they are with us.
class Locations {
 public:
  // Reads them from MLflow's tables.
  static Result<Locations> Read(io::SqlSession& theirs);

  // The URI that takes the place of one of theirs: below "mlflow-artifacts:/" when it leads to a folder of the machine,
  // else the same.
  std::string Moved(const std::string& uri) const;

  struct Folder {
    std::string path;   // on the machine
    std::string below;  // our artifact root: "7", "7/RUN/artifacts"
  };
  const std::vector<Folder>& folders() const { return folders_; }
  // Whether any are kept behind the server itself ("mlflow-artifacts:/"), in a folder that its database does not name.
  bool behind_server() const { return behind_server_; }
  // The URIs of experiments whose artifacts stay where they are: an object store that clients go to themselves.
  const std::vector<std::string>& elsewhere() const { return elsewhere_; }

 private:
  void Add(const std::string& uri, std::string below);
  const Folder* Holding(std::string_view path) const;

  std::vector<Folder> folders_;
  std::vector<std::string> elsewhere_;
  bool behind_server_ = false;
};

}  // namespace keelson::wire::mlflow_database
