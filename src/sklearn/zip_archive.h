#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace keelson::sklearn {

// The members of a ZIP archive (PKWARE's APPNOTE 6.3) in memory, which has to outlive it. Members that are stored are
// seen where they lie, compressed ones (deflate) are unpacked when they are read, and checked.
class ZipArchive {
 public:
  // kInvalidArgument for what is no archive; kUnsupported for the 64-bit form, encryption and archives in parts.
  static Result<ZipArchive> Open(std::string_view bytes);

  bool Has(std::string_view name) const { return members_.contains(name); }
  // kNotFound; kInvalidArgument when it is corrupt; kResourceExhausted when it is over `limit` bytes. The view is of
  // the archive or of `unpacked`.
  Result<std::string_view> Read(std::string_view name, std::size_t limit, std::string* unpacked) const;

 private:
  struct Member {
    std::uint32_t method;
    std::uint32_t checksum;
    std::size_t packed;
    std::size_t size;
    std::size_t header;  // where its local header begins
  };

  std::string_view bytes_;
  std::map<std::string, Member, std::less<>> members_;
};

}  // namespace keelson::sklearn
