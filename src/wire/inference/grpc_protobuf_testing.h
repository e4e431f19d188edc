#pragma once

#include "io/protobuf_testing.h"
#include "wire/inference/grpc_messages.h"

namespace keelson::wire::inference::testing {

class ProtobufMessages : public io::ProtobufMessages {
 public:
  ProtobufMessages() : io::ProtobufMessages(GrpcDescriptors(), "inference") {}
};

}  // namespace keelson::wire::inference::testing
