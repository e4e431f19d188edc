#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "project/spec.h"

namespace keelson::control {

// Where a job's attempts are, each in a folder of its number.
inline std::string JobFolder(const std::string& data_folder, const std::string& job) {
  return data_folder + "/jobs/" + job;
}

// Where a project's things are below DATA. One place, so that server and workers agree.
class ProjectFolders {
 public:
  ProjectFolders(std::string data_folder, const std::string& project)
      : data_(std::move(data_folder)), root_(data_ + "/projects/" + project) {}

  const std::string& root() const { return root_; }
  std::string Revision(const std::string& hash) const { return root_ + "/revisions/" + hash; }
  std::string Tables() const { return root_ + "/tables"; }
  std::string Frames() const { return root_ + "/frames"; }
  std::string Rows(const std::string& source) const { return root_ + "/rows/" + source + ".log"; }
  std::string Quarantine(const std::string& source) const { return root_ + "/quarantine/" + source; }
  std::string Payload() const { return root_ + "/payload"; }
  std::string PayloadParquet() const { return root_ + "/payload-parquet"; }
  std::string Payload(int version, const std::string& replica) const {
    return Payload() + "/" + std::to_string(version) + "/" + replica;
  }

 private:
  std::string data_;
  std::string root_;
};

// Remembers the content hashes of files, so that a large file is read again only when its size, time or inode changed.
// Not thread-safe.
class FileHashes {
 public:
  // Of all files that match a source's path (a name or a glob) in `folder`: one hash over names and contents. kNotFound
  // names the path when nothing matches.
  Result<std::string> OfSource(const std::string& folder, const std::string& path);

 private:
  struct Known {
    std::uint64_t size = 0;
    std::int64_t modified_ns = 0;
    std::uint64_t inode = 0;
    std::string hash;
  };
  Result<std::string> OfFile(const std::string& path);
  std::map<std::string, Known> known_;
};

// The files that a source's path names, sorted. kNotFound when there are none, kInvalidArgument for a name that is not
// UTF-8.
Result<std::vector<std::string>> MatchFiles(const std::string& folder, const std::string& path);

}  // namespace keelson::control
