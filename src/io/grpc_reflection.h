#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/grpc.h"

namespace keelson::io {

// Server reflection (grpc.reflection.v1 and v1alpha, which differ by name alone): tells clients such as grpcurl which
// services there are and what their messages look like. Immutable; safe from any thread. Outlives the server.
class GrpcReflection {
 public:
  // `descriptors`: the bytes of a google.protobuf.FileDescriptorSet with all that its files import, which stay where
  // they are. kInternal when they are malformed.
  static Result<std::unique_ptr<GrpcReflection>> Open(std::string_view descriptors);

  // Null when the method is none of reflection's.
  std::unique_ptr<GrpcHandler> Accept(const std::shared_ptr<GrpcCall>& call) const;

  // The serialized ServerReflectionResponse to a serialized ServerReflectionRequest. kInternal for a malformed one.
  Result<std::string> Answer(std::string_view request) const;

 private:
  struct File {
    std::string_view bytes;  // a FileDescriptorProto
    std::vector<std::string> imports;
  };

  GrpcReflection() = default;
  bool AddFile(std::string_view bytes);
  void Collect(const std::string& name, std::vector<const File*>* files) const;  // with what it imports

  std::map<std::string, File, std::less<>> files_;
  std::map<std::string, std::string, std::less<>> symbols_;  // full name to the name of the file
  std::vector<std::string> services_;
};

}  // namespace keelson::io
