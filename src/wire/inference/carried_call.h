#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "base/result.h"
#include "io/grpc.h"
#include "io/http.h"

// A gRPC call of one message, carried by one request of HTTP/1.1: how the gateway, which forwards HTTP, brings gRPC to
// a replica (docs/decisions/0019). The path is the method's, the headers are the metadata, the body is the message, and
// x-keelson-timeout is the deadline. The answer's body is the message; or the status' text, with its code in
// grpc-status and an HTTP status of the same meaning, so that the gateway judges it as any other answer.
namespace keelson::wire::inference {

// A message, or why there is none.
using GrpcOutcome = std::expected<std::string, io::GrpcStatus>;

void FinishWith(io::GrpcCall& call, GrpcOutcome outcome);

// Whether the path is one of a gRPC method's.
bool IsCarried(std::string_view path);

// The replica's side: hands the request to the service that `accept` stands for. Streams are unimplemented.
void AnswerCarried(io::HttpRequest request, io::HttpRespond respond, const io::GrpcAccept& accept);

// The server's side: the call for the gateway, and what came of it. An error of the gateway's is a status, too; so is
// an answer that is no carried one, such as that of a body over the limit.
io::HttpCall CarryCall(std::string method, std::string message);
GrpcOutcome ReadCarried(Result<io::HttpResponse> answer);

}  // namespace keelson::wire::inference
