#include "io/s3_answers.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "io/s3_signature.h"
#include "io/xml_reader.h"

namespace keelson::io {
namespace {

std::unexpected<Error> NotUnderstood(std::string_view why, const std::string& where) {
  return Fail(ErrorCode::kDataLoss, fmt::format("the object store's answer is not understood: {}", why), where);
}

Result<XmlElement> ReadRoot(std::string_view xml, std::string_view name, const std::string& where) {
  auto root = ReadXml(xml);
  if (!root) return NotUnderstood(root.error().ToString(), where);
  if (root->name != name) return NotUnderstood(fmt::format("<{}> instead of <{}>", root->name, name), where);
  return root;
}

// Keys of which XML has no writing come encoded as in a query.
std::string KeyText(std::string text, bool encoded) {
  if (!encoded) return text;
  for (char& c : text) {
    if (c == '+') c = ' ';
  }
  return PercentDecode(text);
}

// Nothing when it is not base64 of `size` bytes.
std::optional<std::string> FromBase64(std::string_view text, std::size_t size) {
  if (text.size() != (size + 2) / 3 * 4) return std::nullopt;
  std::string bytes(text.size() / 4 * 3, '\0');
  const int decoded =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                      reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (decoded < static_cast<int>(size)) return std::nullopt;
  bytes.resize(size);
  return bytes;
}

struct Known {
  std::string_view code;  // S3's
  ErrorCode error;
  std::string_view what;  // what it means, and what to do
};

constexpr std::array kKnown = {
    Known{"NoSuchKey", ErrorCode::kNotFound, "there is no such object"},
    Known{"NoSuchUpload", ErrorCode::kNotFound,
          "there is no such upload: it was completed or aborted before, or its parts have expired"},
    Known{"NoSuchBucket", ErrorCode::kFailedPrecondition,
          "there is no such bucket: create it, or name another one with --artifacts"},
    Known{"InvalidAccessKeyId", ErrorCode::kUnauthenticated,
          "the object store does not know the access key: look at AWS_ACCESS_KEY_ID or ~/.aws/credentials"},
    Known{"XAdminUserNotFound", ErrorCode::kUnauthenticated,  // versitygw's word for it
          "the object store does not know the access key: look at AWS_ACCESS_KEY_ID or ~/.aws/credentials"},
    Known{"SignatureDoesNotMatch", ErrorCode::kUnauthenticated,
          "the object store does not accept the signature: look at AWS_SECRET_ACCESS_KEY, and whether a proxy changes "
          "the requests"},
    Known{"ExpiredToken", ErrorCode::kUnauthenticated, "the keys have expired: renew AWS_SESSION_TOKEN and its keys"},
    Known{"InvalidToken", ErrorCode::kUnauthenticated, "AWS_SESSION_TOKEN does not belong to the keys"},
    Known{"AccessDenied", ErrorCode::kPermissionDenied,
          "the object store does not allow it: the keys need GetObject, PutObject, DeleteObject and ListBucket"},
    Known{"PreconditionFailed", ErrorCode::kAborted, "the object was replaced meanwhile; ask again"},
    Known{"EntityTooLarge", ErrorCode::kResourceExhausted, "it is larger than the object store takes"},
    Known{"QuotaExceeded", ErrorCode::kResourceExhausted, "the object store is full: its quota is reached"},
    Known{"InvalidPart", ErrorCode::kInvalidArgument, "the parts named are not those that were sent"},
    Known{"InvalidPartOrder", ErrorCode::kInvalidArgument, "the parts are not in the order of their numbers"},
    Known{"EntityTooSmall", ErrorCode::kInvalidArgument, "every part but the last has at least 5 MiB"},
    Known{"KeyTooLongError", ErrorCode::kInvalidArgument, "the path is longer than the 1,024 bytes of a key"},
    Known{"BadDigest", ErrorCode::kDataLoss, "the bytes were damaged on their way to the object store"},
    Known{"XAmzContentSHA256Mismatch", ErrorCode::kDataLoss, "the bytes were damaged on their way to the object store"},
    Known{"XAmzContentChecksumMismatch", ErrorCode::kDataLoss,
          "the bytes were damaged on their way to the object store"},
    Known{"SlowDown", ErrorCode::kUnavailable, "the object store asks to slow down; try again later"},
};

ErrorCode CodeOfStatus(int status) {
  switch (status) {
    case 401:
      return ErrorCode::kUnauthenticated;
    case 403:
      return ErrorCode::kPermissionDenied;
    case 404:
      return ErrorCode::kNotFound;
    case 412:
      return ErrorCode::kAborted;
    case 501:
      return ErrorCode::kUnsupported;
    case 408:
    case 429:
      return ErrorCode::kUnavailable;
    default:
      return status >= 500 ? ErrorCode::kUnavailable : ErrorCode::kFailedPrecondition;
  }
}

// What a status without a body says, as the answers to HEAD are.
std::string_view WordsOf(ErrorCode code) {
  switch (code) {
    case ErrorCode::kNotFound:
      return "there is no such object";
    case ErrorCode::kPermissionDenied:
      return "the object store does not allow it";
    case ErrorCode::kAborted:
      return "the object was replaced meanwhile; ask again";
    case ErrorCode::kUnavailable:
      return "the object store has a problem of its own; try again later";
    default:
      return "the object store refused the request";
  }
}

}  // namespace

std::optional<S3Problem> S3ProblemOf(const HttpResponse& answer) {
  const bool refused = answer.status >= 300;
  if (!refused && !answer.body.contains("<Error>")) return std::nullopt;
  S3Problem problem{.status = answer.status};
  const auto root = ReadXml(answer.body);
  if (root && root->name == "Error") {
    problem.code = root->Text("Code");
    problem.message = root->Text("Message");
    problem.region = root->Text("Region");
    problem.request_id = root->Text("RequestId");
  } else if (!refused) {
    return std::nullopt;  // an object that holds such a text
  }
  if (problem.region.empty()) problem.region = FindHeader(answer.headers, "x-amz-bucket-region");
  if (problem.request_id.empty()) problem.request_id = FindHeader(answer.headers, "x-amz-request-id");
  if (const auto seconds = ParseInt(FindHeader(answer.headers, "retry-after")); seconds && *seconds >= 0) {
    problem.retry_after = static_cast<int>(std::min<std::int64_t>(*seconds, 3600));
  }
  return problem;
}

bool IsWorthARetry(const S3Problem& problem) {
  if (problem.status >= 500) return problem.status != 501;
  for (const std::string_view code : {"SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout", "Throttling",
                                      "ThrottlingException", "TooManyRequests", "RequestLimitExceeded", "BadDigest",
                                      "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch"}) {
    if (problem.code == code) return true;
  }
  return problem.status == 429 || problem.status == 408;
}

Error S3ErrorOf(const S3Problem& problem, const std::string& where, Instant now, std::string_view date) {
  const auto with = [&](ErrorCode code, std::string_view what) {
    std::string said = fmt::format("status {}", problem.status);
    if (!problem.code.empty()) said += " " + problem.code;
    if (!problem.message.empty()) said += ": " + problem.message;
    if (!problem.request_id.empty()) said += "; request " + problem.request_id;
    return Error{code, fmt::format("{} ({})", what, said), where};
  };
  if (problem.code == "RequestTimeTooSkewed" || problem.code == "RequestExpired") {
    return with(ErrorCode::kFailedPrecondition,
                fmt::format("the clocks of this machine and of the object store are too far apart: here it is {}, "
                            "there {}; set this machine's clock",
                            FormatInstant(std::chrono::floor<std::chrono::seconds>(now)),
                            date.empty() ? "another time" : date));
  }
  if (!problem.region.empty() && (problem.status == 301 || problem.status == 307 || problem.status == 400)) {
    return with(ErrorCode::kInvalidArgument,
                fmt::format("the bucket is in the region {0}: set AWS_REGION={0}", problem.region));
  }
  for (const Known& known : kKnown) {
    if (problem.code == known.code) return with(known.error, known.what);
  }
  const ErrorCode code = CodeOfStatus(problem.status);
  return with(code, WordsOf(code));
}

Result<S3Listing> ReadS3Listing(std::string_view xml, const std::string& where) {
  KEELSON_ASSIGN_OR_RETURN(const XmlElement root, ReadRoot(xml, "ListBucketResult", where));
  const bool encoded = root.Text("EncodingType") == "url";
  S3Listing listing;
  for (const XmlElement& child : root.children) {
    if (child.name == "CommonPrefixes") listing.folders.push_back(KeyText(child.Text("Prefix"), encoded));
    if (child.name != "Contents") continue;
    const auto size = ParseInt(child.Text("Size"));
    if (!size || *size < 0) return NotUnderstood("an object has no size", where);
    S3Entry& entry = listing.entries.emplace_back();
    entry.key = KeyText(child.Text("Key"), encoded);
    entry.size = static_cast<std::uint64_t>(*size);
    entry.etag = child.Text("ETag");
    if (const auto changed = ParseInstant(child.Text("LastModified"))) entry.changed = *changed;
    if (listing.entries.back().key.empty()) return NotUnderstood("an object has no key", where);
  }
  if (root.Text("IsTruncated") == "true") {
    listing.next = root.Text("NextContinuationToken");
    if (listing.next.empty()) return NotUnderstood("there are more pages, but no token for the next", where);
  }
  return listing;
}

Result<std::string> ReadS3UploadId(std::string_view xml, const std::string& where) {
  KEELSON_ASSIGN_OR_RETURN(const XmlElement root, ReadRoot(xml, "InitiateMultipartUploadResult", where));
  std::string id = root.Text("UploadId");
  if (id.empty()) return NotUnderstood("the upload has no id", where);
  return id;
}

Status ReadS3Deletions(std::string_view xml, const std::string& bucket) {
  KEELSON_ASSIGN_OR_RETURN(const XmlElement root, ReadRoot(xml, "DeleteResult", "s3://" + bucket));
  const XmlElement* const error = root.Find("Error");
  if (error == nullptr || error->Text("Code") == "NoSuchKey") return {};
  const ErrorCode code = error->Text("Code") == "AccessDenied" ? ErrorCode::kPermissionDenied : ErrorCode::kUnavailable;
  return Fail(code,
              fmt::format("the object store did not delete it ({}: {})", error->Text("Code"), error->Text("Message")),
              fmt::format("s3://{}/{}", bucket, error->Text("Key")));
}

Result<S3Object> ReadS3Object(const HttpResponse& head, const std::string& where) {
  S3Object object;
  const auto size = ParseInt(FindHeader(head.headers, "content-length"));
  if (!size || *size < 0) return NotUnderstood("the object has no length", where);
  object.size = static_cast<std::uint64_t>(*size);
  object.etag = FindHeader(head.headers, "etag");
  // A checksum "...-3" is that of three parts' checksums: it says nothing of the whole without them.
  if (const auto sha = FromBase64(FindHeader(head.headers, "x-amz-checksum-sha256"), 32))
    object.sha256 = HexEncode(*sha);
  if (const auto crc = FromBase64(FindHeader(head.headers, "x-amz-checksum-crc32c"), 4)) {
    std::uint32_t value = 0;
    for (const char c : *crc) value = (value << 8) | static_cast<unsigned char>(c);
    if (FindHeader(head.headers, "x-amz-checksum-type") != "COMPOSITE") object.crc32c = value;
  }
  return object;
}

std::string S3Crc32cText(std::uint32_t crc) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>((crc >> shift) & 0xff);
  return Base64(bytes);
}

}  // namespace keelson::io
