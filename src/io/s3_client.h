#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/hash.h"
#include "base/random.h"
#include "base/result.h"
#include "io/http.h"
#include "io/s3_answers.h"
#include "io/s3_config.h"
#include "io/s3_signature.h"

namespace keelson::io {

struct S3Options {
  std::function<Result<S3Credentials>()> credentials = {};  // asked at the first request and when keys have expired
  const Clock* clock = nullptr;                             // outlives the client
  int attempts = 7;                                         // of each request
  std::chrono::milliseconds patience{90'000};               // after which no further attempt is begun
  std::chrono::milliseconds request_timeout{60'000};        // of one attempt
  std::chrono::milliseconds first_wait{200};                // before the second attempt; doubled each time, with jitter
  std::chrono::milliseconds longest_wait{10'000};           // also what a Retry-After may ask for
  std::size_t part_bytes = 8u << 20;  // what is larger goes up and comes down in parts of this size
  std::uint64_t seed = 0;             // of the jitter
  std::function<void(std::chrono::milliseconds)> wait = {};  // nothing: sleeps
};

// One part of a multipart upload that is there.
struct S3Part {
  int number = 0;  // from 1
  std::string etag = {};
  std::string crc32c = {};  // base64; "" when it is not known
};

// The next piece of what goes up, good until the next call; "" at the end.
using S3Pieces = std::function<Result<std::string_view>()>;

// One bucket of an S3 API. Blocking; safe from any thread, each call on a kept connection of its own; never called from
// an I/O thread.
//
// What may help is asked again: a broken connection, a timeout, 5xx, SlowDown, with a wait that doubles and is drawn by
// lot, so that many clients do not come back together. An object is there whole or not at all. What goes up carries its
// checksum, which the store verifies and keeps; what comes down is verified by it (kDataLoss). Errors are those of
// s3_answers.h and http.h, where = "s3://bucket/key"; none holds a key or a signature.
class S3Client {
 public:
  S3Client(S3Bucket bucket, S3Options options);
  ~S3Client();

  // Replaces the object.
  Status Put(const std::string& key, std::string_view content);
  // The same of content that comes in pieces; in parts when it is larger than one: memory holds one part. A failure, of
  // `next` too, aborts the upload: what was there before stays, and no part is left behind. With `size` what has
  // another length is kAborted; without it an object may have 80 GB with the usual parts.
  Status PutPieces(const std::string& key, const S3Pieces& next, std::optional<std::uint64_t> size = std::nullopt);
  Status PutFile(const std::string& key, const std::string& path);

  Result<S3Object> Head(const std::string& key);
  // kResourceExhausted when it is larger than `at_most`.
  Result<std::string> Get(const std::string& key, std::size_t at_most = std::size_t{1} << 30);
  // `size` bytes from `offset` of the object that `etag` names; kAborted when it was replaced. Not verified.
  Result<std::string> GetRange(const std::string& key, const std::string& etag, std::uint64_t offset, std::size_t size);

  // One page: what begins with `prefix`; with `delimiter` "/" what lies deeper is told as folders. `token` is the
  // `next` of the page before.
  Result<S3Listing> List(const std::string& prefix, const std::string& delimiter, const std::string& token = "",
                         int at_most = 1000);
  // Every page; an error of `visit` ends it.
  Status ListAll(const std::string& prefix, const std::string& delimiter,
                 const std::function<Status(const S3Listing&)>& visit);

  Status Delete(const std::string& key);  // no error when it is gone
  Status DeleteAll(const std::vector<std::string>& keys);

  // The steps of a multipart upload, for clients that send the parts themselves. Complete repeated is no error while
  // the object is what the parts make.
  Result<std::string> CreateUpload(const std::string& key, bool with_checksum);
  Result<S3Part> PutPart(const std::string& key, const std::string& upload, int number, std::string_view content);
  Status CompleteUpload(const std::string& key, const std::string& upload, const std::vector<S3Part>& parts);
  Status AbortUpload(const std::string& key, const std::string& upload);  // no error when it is gone

  // A URL that lets whoever holds it do this one thing until it expires. A secret: it goes to who asked, and in no log.
  Result<std::string> Presign(const std::string& method, const std::string& key, const S3Query& query,
                              std::chrono::seconds expires);

  const S3Bucket& bucket() const { return bucket_; }
  std::size_t part_bytes() const { return options_.part_bytes; }
  std::string Where(std::string_view key) const;

 private:
  // Asks until there is an answer that says yes, or an error that asking again would not change. `retried`, when given,
  // is set once a first attempt may have had its effect.
  Result<HttpResponse> Ask(const S3Request& request, const std::string& key, std::string_view body = {},
                           bool* retried = nullptr);
  Result<HttpResponse> Once(const S3Request& request, std::string_view body);
  Result<S3Credentials> Credentials(bool renew);
  Status Complete(const std::string& key, const std::string& upload, const std::vector<S3Part>& parts,
                  const HttpHeaders& headers);
  Status PutParts(const std::string& key, const std::string& upload, std::string first,
                  const std::function<Result<std::string>()>& next_part);
  std::chrono::milliseconds WaitBefore(int attempt, const std::optional<int>& retry_after);
  std::unique_ptr<HttpConnection> TakeConnection();
  void KeepConnection(std::unique_ptr<HttpConnection> connection);

  const S3Bucket bucket_;
  const S3Options options_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<HttpConnection>> idle_;  // guarded by mutex_, as is all below
  std::optional<S3Credentials> credentials_;
  Random random_;
};

// Reads one object from its beginning to its end, in parts: memory holds one, and a connection that breaks in the
// middle costs one. The object that was there at Open is read or kAborted; the last part is given out only when the
// whole has the checksum that the store keeps (kDataLoss else). Used by one thread at a time; the client outlives it.
class S3Reader {
 public:
  static Result<std::unique_ptr<S3Reader>> Open(S3Client& client, std::string key);
  ~S3Reader();

  std::uint64_t size() const { return object_.size; }
  Result<std::string> Next();  // "" at the end

 private:
  S3Reader(S3Client& client, std::string key, S3Object object);
  Status Verify();

  S3Client& client_;
  const std::string key_;
  const S3Object object_;
  std::uint64_t offset_ = 0;
  std::uint32_t crc_ = 0;
  Sha256 sha_;
};

}  // namespace keelson::io
