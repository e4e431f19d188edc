#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"
#include "io/http.h"

namespace keelson::io {

// Keys of an S3 API. The secret and the token are in no log, error or file of ours.
struct S3Credentials {
  std::string access_key;
  std::string secret_key;
  std::string session_token = {};  // of temporary keys; "" for lasting ones
  bool operator==(const S3Credentials&) const = default;
};

// Names and values of a query, not encoded.
using S3Query = std::vector<std::pair<std::string, std::string>>;

// A request of AWS's REST APIs before it is signed.
struct S3Request {
  std::string method = "GET";
  std::string path = "/";  // not encoded; encoded once, as S3 wants it
  S3Query query = {};
  HttpHeaders headers = {};
};

// For what, when and as whom a request is signed (AWS Signature Version 4).
struct S3Scope {
  std::string host;  // the Host header as it is sent
  std::string region;
  S3Credentials credentials;
  Instant now;
  std::string service = "s3";
};

// The hash that stands for a body that is not hashed: over TLS, and in presigned URLs.
inline constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";

// Path and query as they are written and signed: encoded, the query sorted.
std::string S3Target(std::string_view path, const S3Query& query);

// The value of the Authorization header: signs host and all headers that the request has. `payload_hash` is the body's
// SHA-256 in hex, or kUnsignedPayload.
std::string S3Authorization(const S3Request& request, const S3Scope& scope, std::string_view payload_hash);

// Adds the headers of a signed request: x-amz-date, x-amz-content-sha256, x-amz-security-token, authorization.
void SignS3Request(S3Request& request, const S3Scope& scope, std::string_view payload_hash);

// The target of a URL that whoever holds it may use until it expires: 1 to 604,800 s. The request's headers are signed
// and must be sent with it.
std::string PresignS3Target(const S3Request& request, const S3Scope& scope, std::chrono::seconds expires);

std::string Base64(std::string_view bytes);

}  // namespace keelson::io
