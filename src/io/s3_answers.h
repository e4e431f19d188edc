#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "io/http.h"

namespace keelson::io {

// What an S3 API answers, read: pure functions of one answer. `where` is "s3://bucket/key".

// Why a request was refused.
struct S3Problem {
  int status = 0;
  std::string code = {};  // S3's own: "NoSuchKey"; "" when the answer has none
  std::string message = {};
  std::string region = {};              // where the bucket is, when that is the problem
  std::string request_id = {};          // for whoever runs the store
  std::optional<int> retry_after = {};  // seconds
};

// The problem that an answer tells: a status from 300, or an <Error> in an answer of 200, as S3 answers a multipart
// upload that failed while it was put together. Nothing for one that tells none.
std::optional<S3Problem> S3ProblemOf(const HttpResponse& answer);

// Whether asking again later may help: 5xx, 429, SlowDown, timeouts, and bytes that were damaged on their way.
bool IsWorthARetry(const S3Problem& problem);

// What went wrong, and what to do. `now` is this machine's time and `date` the answer's Date header: where the two are
// too far apart for a signature, both are told.
Error S3ErrorOf(const S3Problem& problem, const std::string& where, Instant now, std::string_view date);

struct S3Entry {
  std::string key;
  std::uint64_t size = 0;
  std::string etag;
  Instant changed = Instant::max();  // when the store does not say it: so that it is never taken for old
};

// A page of ListObjectsV2.
struct S3Listing {
  std::vector<S3Entry> entries;
  std::vector<std::string> folders;  // common prefixes, with their slash
  std::string next;                  // the token of the next page; "" at the end
};
Result<S3Listing> ReadS3Listing(std::string_view xml, const std::string& where);

Result<std::string> ReadS3UploadId(std::string_view xml, const std::string& where);

// The first failure of a DeleteObjects answer, if there is one; S3 answers 200 all the same.
Status ReadS3Deletions(std::string_view xml, const std::string& bucket);

// What HEAD tells of an object.
struct S3Object {
  std::uint64_t size = 0;
  std::string etag;                     // with its quotes
  std::string sha256;                   // hex, of the whole object; "" when the store keeps none
  std::optional<std::uint32_t> crc32c;  // of the whole object
};
Result<S3Object> ReadS3Object(const HttpResponse& head, const std::string& where);

std::string S3Crc32cText(std::uint32_t crc);  // as headers and documents of S3 have it

}  // namespace keelson::io
