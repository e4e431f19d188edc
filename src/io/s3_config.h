#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "io/http.h"
#include "io/s3_signature.h"

namespace keelson::io {

// How the environment is asked: a variable's value; nothing when it is not set or empty.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;
Environment ProcessEnvironment();

// "s3://bucket/some/prefix"
struct S3Place {
  std::string bucket;
  std::string prefix;  // without slashes around it; "" for the whole bucket
};
// kInvalidArgument says what is wrong with it.
Result<S3Place> ParseS3Place(std::string_view url);

// One bucket as it is reached.
struct S3Bucket {
  std::string name;
  std::string region = {};
  HttpTarget target = {};
  bool path_style = true;  // "/bucket/key"; else the bucket is a part of the host's name

  std::string PathOf(std::string_view key) const;  // not encoded
  std::string host() const;                        // the Host header
  std::string address() const;                     // "https://host"
};

// Where the bucket is, by the variables that other programs read too:
//   endpoint    MLFLOW_S3_ENDPOINT_URL, AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL; else AWS's own in the region
//   region      AWS_REGION, AWS_DEFAULT_REGION, `region` of the profile in ~/.aws/config (AWS_CONFIG_FILE); else
//               us-east-1
//   addressing  MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE: path, virtual or auto. auto is virtual at AWS, where the bucket's
//               name has no dot, and path everywhere else
// kInvalidArgument names the variable.
Result<S3Bucket> FindS3Bucket(const std::string& bucket, const Environment& environment);

// The keys: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY with AWS_SESSION_TOKEN, else those of the profile (AWS_PROFILE,
// else "default") in ~/.aws/credentials (AWS_SHARED_CREDENTIALS_FILE). kUnauthenticated says what to set; no error
// holds any of a file's text. Read again whenever it is called, so that temporary keys may be renewed under a running
// server.
Result<S3Credentials> ReadS3Credentials(const Environment& environment);

}  // namespace keelson::io
