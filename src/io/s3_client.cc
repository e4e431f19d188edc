// The requests of one bucket: how each is signed, sent, and sent again.
#include "io/s3_client.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <thread>
#include <utility>

#include "base/hash.h"
#include "base/log.h"
#include "base/strings.h"
#include "io/crc32c.h"
#include "io/xml_reader.h"

namespace keelson::io {
namespace {

constexpr std::size_t kKeptConnections = 16;
constexpr std::size_t kDeletedAtOnce = 1000;  // the protocol's limit

std::string Md5(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_md5(), nullptr) != 1) return "";
  return {reinterpret_cast<const char*>(digest.data()), size};
}

std::string Base64OfHex(const std::string& hex) {
  return Base64(HexDecode(hex).value_or(""));
}

std::string_view WithoutQuotes(std::string_view etag) {
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"') return etag.substr(1, etag.size() - 2);
  return etag;
}

// What S3 calls an object that was put together of these parts; "" when their names are not MD5 sums.
std::string EtagOf(const std::vector<S3Part>& parts) {
  std::string sums;
  for (const S3Part& part : parts) {
    const auto sum = HexDecode(WithoutQuotes(part.etag));
    if (!sum || sum->size() != 16) return "";
    sums += *sum;
  }
  const std::string whole = Md5(sums);
  return whole.empty() ? "" : fmt::format("{}-{}", HexEncode(whole), parts.size());
}

bool MayHelp(const Error& error) {
  return error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kDeadlineExceeded;
}

bool IsPlain(std::string_view key) {  // whether XML has a writing of it
  return IsValidUtf8(key) && std::ranges::none_of(key, [](char c) { return c >= 0 && c < ' '; });
}

}  // namespace

S3Client::S3Client(S3Bucket bucket, S3Options options)
    : bucket_(std::move(bucket)), options_(std::move(options)), random_(options_.seed) {}

S3Client::~S3Client() = default;

std::string S3Client::Where(std::string_view key) const {
  return fmt::format("s3://{}/{}", bucket_.name, key);
}

std::unique_ptr<HttpConnection> S3Client::TakeConnection() {
  const std::lock_guard lock(mutex_);
  if (idle_.empty()) return HttpConnection::Create(bucket_.target);
  auto connection = std::move(idle_.back());
  idle_.pop_back();
  return connection;
}

void S3Client::KeepConnection(std::unique_ptr<HttpConnection> connection) {
  const std::lock_guard lock(mutex_);
  if (idle_.size() < kKeptConnections) idle_.push_back(std::move(connection));
}

Result<S3Credentials> S3Client::Credentials(bool renew) {
  const std::lock_guard lock(mutex_);
  if (credentials_ && !renew) return *credentials_;
  KEELSON_ASSIGN_OR_RETURN(credentials_, options_.credentials());
  return *credentials_;
}

// Half of the wait is sure, half is drawn.
std::chrono::milliseconds S3Client::WaitBefore(int attempt, const std::optional<int>& retry_after) {
  std::chrono::milliseconds wait = options_.first_wait;
  for (int i = 2; i < attempt && wait < options_.longest_wait; ++i) wait *= 2;
  if (retry_after) wait = std::max(wait, std::chrono::milliseconds(std::chrono::seconds(*retry_after)));
  wait = std::min(wait, options_.longest_wait);
  const std::lock_guard lock(mutex_);
  const auto half = static_cast<std::uint64_t>(wait.count() / 2 + 1);
  return wait / 2 + std::chrono::milliseconds(static_cast<std::int64_t>(random_.Below(half)));
}

Result<HttpResponse> S3Client::Once(const S3Request& request, std::string_view body) {
  KEELSON_ASSIGN_OR_RETURN(auto credentials, Credentials(false));
  S3Request signed_request = request;
  // Over TLS nothing is changed on the way, and a part's checksum goes with it.
  const bool unsigned_payload = bucket_.target.tls && !FindHeader(request.headers, "x-amz-checksum-crc32c").empty();
  SignS3Request(signed_request,
                {.host = bucket_.host(),
                 .region = bucket_.region,
                 .credentials = std::move(credentials),
                 .now = options_.clock->WallNow()},
                unsigned_payload ? std::string(kUnsignedPayload) : Sha256::Hex(body));
  HttpCall call{.method = request.method,
                .target = S3Target(request.path, request.query),
                .headers = std::move(signed_request.headers),
                .body = std::string(body),
                .timeout = options_.request_timeout};
  auto connection = TakeConnection();
  auto answer = connection->Call(call);
  if (answer) KeepConnection(std::move(connection));
  return answer;
}

Result<HttpResponse> S3Client::Ask(const S3Request& request, const std::string& key, std::string_view body,
                                   bool* retried) {
  const auto begun = options_.clock->MonotonicNow();
  bool renewed = false;
  for (int attempt = 1;; ++attempt) {
    auto answer = Once(request, body);
    std::optional<S3Problem> problem;
    if (answer && !(request.method == "GET" && answer->status < 300)) problem = S3ProblemOf(*answer);
    if (answer && !problem) return answer;
    if (!answer && !MayHelp(answer.error())) return answer;
    if (problem && !renewed && (problem->code == "ExpiredToken" || problem->code == "InvalidToken")) {
      renewed = true;  // somebody may have written new ones
      KEELSON_RETURN_IF_ERROR(Credentials(true));
      continue;
    }
    Error error = problem
                      ? S3ErrorOf(*problem, Where(key), options_.clock->WallNow(), FindHeader(answer->headers, "date"))
                      : answer.error();
    if (problem && !IsWorthARetry(*problem)) return std::unexpected(std::move(error));
    const auto wait = WaitBefore(attempt + 1, problem ? problem->retry_after : std::nullopt);
    if (attempt >= options_.attempts || options_.clock->MonotonicNow() + wait - begun > options_.patience) {
      error.message = fmt::format("{} attempts failed; the last: {}", attempt, error.message);
      if (error.where != Where(key)) error.where = fmt::format("{}, {}", Where(key), error.where);
      return std::unexpected(std::move(error));
    }
    LogWarning("asking the object store again", {{"object", Where(key)},
                                                 {"method", request.method},
                                                 {"attempt", std::to_string(attempt)},
                                                 {"wait_ms", std::to_string(wait.count())},
                                                 {"why", error.message}});
    if (retried != nullptr) *retried = true;
    if (options_.wait) {
      options_.wait(wait);
    } else {
      std::this_thread::sleep_for(wait);
    }
  }
}

Status S3Client::Put(const std::string& key, std::string_view content) {
  S3Request request{.method = "PUT", .path = bucket_.PathOf(key)};
  request.headers.emplace_back("x-amz-checksum-sha256", Base64OfHex(Sha256::Hex(content)));
  KEELSON_RETURN_IF_ERROR(Ask(request, key, content));
  return {};
}

Result<S3Object> S3Client::Head(const std::string& key) {
  S3Request request{.method = "HEAD", .path = bucket_.PathOf(key)};
  request.headers.emplace_back("x-amz-checksum-mode", "ENABLED");
  KEELSON_ASSIGN_OR_RETURN(const auto answer, Ask(request, key));
  return ReadS3Object(answer, Where(key));
}

Result<std::string> S3Client::GetRange(const std::string& key, const std::string& etag, std::uint64_t offset,
                                       std::size_t size) {
  S3Request request{.method = "GET", .path = bucket_.PathOf(key)};
  request.headers.emplace_back("range", fmt::format("bytes={}-{}", offset, offset + size - 1));
  if (!etag.empty()) request.headers.emplace_back("if-match", etag);
  KEELSON_ASSIGN_OR_RETURN(auto answer, Ask(request, key));
  if (answer.status != 206 && !(answer.status == 200 && offset == 0)) {
    return Fail(ErrorCode::kUnsupported, "the object store gives no parts of objects", Where(key));
  }
  if (answer.body.size() != size) {
    return Fail(ErrorCode::kDataLoss, fmt::format("{} bytes came where {} were asked for", answer.body.size(), size),
                Where(key));
  }
  return std::move(answer.body);
}

Result<std::string> S3Client::Get(const std::string& key, std::size_t at_most) {
  KEELSON_ASSIGN_OR_RETURN(const auto reader, S3Reader::Open(*this, key));
  if (reader->size() > at_most) {
    return Fail(ErrorCode::kResourceExhausted,
                fmt::format("it has {} bytes, more than the {} that are read", reader->size(), at_most), Where(key));
  }
  std::string whole;
  for (;;) {
    KEELSON_ASSIGN_OR_RETURN(std::string piece, reader->Next());
    if (piece.empty()) return whole;
    if (whole.empty()) {
      whole = std::move(piece);
    } else {
      whole += piece;
    }
  }
}

Result<S3Listing> S3Client::List(const std::string& prefix, const std::string& delimiter, const std::string& token,
                                 int at_most) {
  S3Request request{
      .method = "GET",
      .path = bucket_.PathOf(""),
      .query = {
          {"list-type", "2"}, {"encoding-type", "url"}, {"prefix", prefix}, {"max-keys", std::to_string(at_most)}}};
  if (!delimiter.empty()) request.query.emplace_back("delimiter", delimiter);
  if (!token.empty()) request.query.emplace_back("continuation-token", token);
  KEELSON_ASSIGN_OR_RETURN(const auto answer, Ask(request, prefix));
  return ReadS3Listing(answer.body, Where(prefix));
}

Status S3Client::ListAll(const std::string& prefix, const std::string& delimiter,
                         const std::function<Status(const S3Listing&)>& visit) {
  std::string token;
  for (;;) {
    KEELSON_ASSIGN_OR_RETURN(const auto page, List(prefix, delimiter, token));
    KEELSON_RETURN_IF_ERROR(visit(page));
    if (page.next.empty()) return {};
    if (page.next == token) return Fail(ErrorCode::kDataLoss, "the list of objects has no end", Where(prefix));
    token = page.next;
  }
}

Status S3Client::Delete(const std::string& key) {
  const auto answer = Ask({.method = "DELETE", .path = bucket_.PathOf(key)}, key);
  if (!answer && answer.error().code != ErrorCode::kNotFound) return std::unexpected(answer.error());
  return {};
}

Status S3Client::DeleteAll(const std::vector<std::string>& keys) {
  std::vector<std::string_view> plain;
  for (const std::string& key : keys) {
    if (IsPlain(key)) {
      plain.push_back(key);
    } else {
      KEELSON_RETURN_IF_ERROR(Delete(key));
    }
  }
  for (std::size_t begin = 0; begin < plain.size(); begin += kDeletedAtOnce) {
    std::string body = "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>";
    for (std::size_t i = begin; i < std::min(begin + kDeletedAtOnce, plain.size()); ++i) {
      body += fmt::format("<Object><Key>{}</Key></Object>", XmlEscaped(plain[i]));
    }
    body += "</Delete>";
    S3Request request{.method = "POST", .path = bucket_.PathOf(""), .query = {{"delete", ""}}};
    request.headers.emplace_back("content-type", "application/xml");
    request.headers.emplace_back("content-md5", Base64(Md5(body)));
    request.headers.emplace_back("x-amz-checksum-sha256", Base64OfHex(Sha256::Hex(body)));
    KEELSON_ASSIGN_OR_RETURN(const auto answer, Ask(request, std::string(plain[begin]), body));
    KEELSON_RETURN_IF_ERROR(ReadS3Deletions(answer.body, bucket_.name));
  }
  return {};
}

Result<std::string> S3Client::CreateUpload(const std::string& key, bool with_checksum) {
  S3Request request{.method = "POST", .path = bucket_.PathOf(key), .query = {{"uploads", ""}}};
  if (with_checksum) {
    request.headers.emplace_back("x-amz-checksum-algorithm", "CRC32C");
    request.headers.emplace_back("x-amz-checksum-type", "FULL_OBJECT");
  }
  KEELSON_ASSIGN_OR_RETURN(const auto answer, Ask(request, key));
  return ReadS3UploadId(answer.body, Where(key));
}

Result<S3Part> S3Client::PutPart(const std::string& key, const std::string& upload, int number,
                                 std::string_view content) {
  S3Part part{.number = number, .crc32c = S3Crc32cText(Crc32c(content))};
  S3Request request{.method = "PUT",
                    .path = bucket_.PathOf(key),
                    .query = {{"partNumber", std::to_string(number)}, {"uploadId", upload}}};
  request.headers.emplace_back("x-amz-checksum-crc32c", part.crc32c);
  KEELSON_ASSIGN_OR_RETURN(const auto answer, Ask(request, key, content));
  part.etag = FindHeader(answer.headers, "etag");
  if (part.etag.empty()) return Fail(ErrorCode::kDataLoss, "the object store names no part that it took", Where(key));
  return part;
}

Status S3Client::CompleteUpload(const std::string& key, const std::string& upload, const std::vector<S3Part>& parts) {
  return Complete(key, upload, parts, {});
}

Status S3Client::Complete(const std::string& key, const std::string& upload, const std::vector<S3Part>& parts,
                          const HttpHeaders& headers) {
  std::string body = "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">";
  for (const S3Part& part : parts) {
    body += fmt::format("<Part><PartNumber>{}</PartNumber><ETag>{}</ETag>", part.number, XmlEscaped(part.etag));
    if (!part.crc32c.empty()) body += fmt::format("<ChecksumCRC32C>{}</ChecksumCRC32C>", part.crc32c);
    body += "</Part>";
  }
  body += "</CompleteMultipartUpload>";
  S3Request request{.method = "POST", .path = bucket_.PathOf(key), .query = {{"uploadId", upload}}, .headers = headers};
  request.headers.emplace_back("content-type", "application/xml");
  const auto answer = Ask(request, key, body);
  if (answer) return {};
  if (answer.error().code != ErrorCode::kNotFound) return std::unexpected(answer.error());
  // An earlier attempt may have been carried out and its answer lost: then the object is what the parts make.
  const auto object = Head(key);
  const std::string made = EtagOf(parts);
  if (object && !made.empty() && WithoutQuotes(object->etag) == made) return {};
  return std::unexpected(answer.error());
}

Status S3Client::AbortUpload(const std::string& key, const std::string& upload) {
  const auto answer = Ask({.method = "DELETE", .path = bucket_.PathOf(key), .query = {{"uploadId", upload}}}, key);
  if (!answer && answer.error().code != ErrorCode::kNotFound) return std::unexpected(answer.error());
  return {};
}

Result<std::string> S3Client::Presign(const std::string& method, const std::string& key, const S3Query& query,
                                      std::chrono::seconds expires) {
  KEELSON_ASSIGN_OR_RETURN(auto credentials, Credentials(false));
  return bucket_.address() + PresignS3Target({.method = method, .path = bucket_.PathOf(key), .query = query},
                                             {.host = bucket_.host(),
                                              .region = bucket_.region,
                                              .credentials = std::move(credentials),
                                              .now = options_.clock->WallNow()},
                                             expires);
}

}  // namespace keelson::io
