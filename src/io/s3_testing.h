#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/hash.h"
#include "base/strings.h"
#include "io/crc32c.h"
#include "io/http.h"
#include "io/http_testing.h"
#include "io/s3_client.h"
#include "io/xml_reader.h"

namespace keelson::io::testing {

// One bucket "bucket" of an object store, in memory: enough of the API for the tests of what stands on it, and faults
// at will. How a real one behaves is shown by the suite s3.
class FakeS3 {
 public:
  // Asked before each request is carried out; an answer takes the place of that.
  using Fault = std::function<std::optional<HttpResponse>(const HttpRequest&)>;

  FakeS3() {
    server_ = StartServer([this](HttpRequest request, HttpRespond respond) { respond(Answer(request)); });
  }

  S3Bucket bucket() const { return {.name = "bucket", .region = "us-east-1", .target = TargetOf(*server_)}; }

  // With waits that take no time; they are kept in `waits`.
  std::unique_ptr<S3Client> Client(std::size_t part_bytes = 1000) {
    S3Options options;
    options.credentials = [] { return S3Credentials{"access", "secret"}; };
    options.clock = &clock_;
    options.part_bytes = part_bytes;
    options.wait = [this](std::chrono::milliseconds wait) {
      const std::lock_guard lock(mutex_);
      waits_.push_back(wait);
    };
    return std::make_unique<S3Client>(bucket(), std::move(options));
  }

  void SetFault(Fault fault) {
    const std::lock_guard lock(mutex_);
    fault_ = std::move(fault);
  }
  std::map<std::string, std::string> objects() {
    const std::lock_guard lock(mutex_);
    return objects_;
  }
  std::size_t uploads() {
    const std::lock_guard lock(mutex_);
    return uploads_.size();
  }
  std::vector<std::chrono::milliseconds> waits() {
    const std::lock_guard lock(mutex_);
    return waits_;
  }
  std::vector<std::string> asked() {  // "METHOD key?query"
    const std::lock_guard lock(mutex_);
    return asked_;
  }
  void Damage(const std::string& key) {
    const std::lock_guard lock(mutex_);
    objects_[key].back() ^= 1;
  }

  static HttpResponse Error(int status, const std::string& code, const std::string& more = "") {
    return {.status = status,
            .content_type = "application/xml",
            .body = fmt::format("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{}</Code><Message>as a test "
                                "wants it</Message>{}<RequestId>R1</RequestId></Error>",
                                code, more)};
  }

 private:
  HttpResponse Answer(const HttpRequest& request) {
    const std::lock_guard lock(mutex_);
    const std::string key = PercentDecode(request.path).substr(std::string("/bucket/").size());
    asked_.push_back(request.method + " " + key + "?" + request.query);
    if (fault_) {
      if (auto fault = fault_(request)) return *std::move(fault);
    }
    if (!FindHeader(request.headers, "authorization").starts_with("AWS4-HMAC-SHA256 Credential=access/") ||
        FindHeader(request.headers, "x-amz-content-sha256") != Sha256::Hex(request.body)) {
      return Error(403, "SignatureDoesNotMatch");
    }
    const auto upload = QueryValue(request.query, "uploadId");
    if (request.method == "PUT") return upload ? PutPart(request, *upload) : Put(request, key);
    if (request.method == "POST") {
      if (QueryValue(request.query, "delete")) return DeleteAll(request);
      return upload ? Complete(request, key, *upload) : Create();
    }
    if (request.method == "DELETE") {
      if (upload) return uploads_.erase(*upload) == 1 ? HttpResponse{.status = 204} : Error(404, "NoSuchUpload");
      objects_.erase(key);
      return {.status = 204};
    }
    return key.empty() ? List(request) : Get(request, key);
  }

  HttpResponse Put(const HttpRequest& request, const std::string& key) {
    objects_[key] = request.body;
    sums_[key] = {{"x-amz-checksum-sha256", std::string(FindHeader(request.headers, "x-amz-checksum-sha256"))}};
    return {.headers = {{"etag", Etag(request.body)}}};
  }

  HttpResponse Get(const HttpRequest& request, const std::string& key) {
    const auto found = objects_.find(key);
    if (found == objects_.end())
      return request.method == "HEAD" ? HttpResponse{.status = 404} : Error(404, "NoSuchKey");
    HttpResponse response{.content_type = "application/octet-stream", .headers = sums_[key], .body = found->second};
    response.headers.emplace_back("etag", Etag(found->second));
    const std::string_view match = FindHeader(request.headers, "if-match");
    if (!match.empty() && match != Etag(found->second)) return Error(412, "PreconditionFailed");
    const std::string_view range = FindHeader(request.headers, "range");
    if (!range.empty()) {
      const std::string_view numbers = range.substr(range.find('=') + 1);
      const auto from = static_cast<std::size_t>(*ParseInt(numbers.substr(0, numbers.find('-'))));
      const auto to = static_cast<std::size_t>(*ParseInt(numbers.substr(numbers.find('-') + 1)));
      response.body = found->second.substr(from, to - from + 1);
      response.status = 206;
    }
    return response;
  }

  HttpResponse List(const HttpRequest& request) {
    const std::string prefix = QueryValue(request.query, "prefix").value_or("");
    const std::string delimiter = QueryValue(request.query, "delimiter").value_or("");
    const std::string after = QueryValue(request.query, "continuation-token").value_or("");
    const auto at_most = static_cast<std::size_t>(*ParseInt(*QueryValue(request.query, "max-keys")));
    std::string body;
    std::string last;
    std::string last_folder;
    std::size_t count = 0;
    bool more = false;
    for (const auto& [key, content] : objects_) {
      if (!key.starts_with(prefix) || (!after.empty() && key <= after)) continue;
      const std::size_t slash = delimiter.empty() ? std::string::npos : key.find(delimiter, prefix.size());
      const std::string folder = slash == std::string::npos ? "" : key.substr(0, slash + 1);
      if (!folder.empty() && folder == last_folder) {
        last = key;
        continue;
      }
      more = count == at_most;
      if (more) break;
      ++count;
      last = key;
      last_folder = folder;
      body += folder.empty()
                  ? fmt::format(
                        "<Contents><Key>{}</Key><Size>{}</Size><ETag>{}</ETag>"
                        "<LastModified>2030-02-03T04:05:06.000Z</LastModified></Contents>",
                        PercentEncode(key), content.size(), XmlEscaped(Etag(content)))
                  : fmt::format("<CommonPrefixes><Prefix>{}</Prefix></CommonPrefixes>", PercentEncode(folder));
    }
    return {.content_type = "application/xml",
            .body = fmt::format("<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>{}</IsTruncated>"
                                "<NextContinuationToken>{}</NextContinuationToken>{}</ListBucketResult>",
                                more, more ? XmlEscaped(last) : "", body)};
  }

  HttpResponse DeleteAll(const HttpRequest& request) {
    const auto body = ReadXml(request.body);
    if (!body) return Error(400, "MalformedXML");
    for (const XmlElement& child : body->children) {
      if (child.name == "Object") objects_.erase(child.Text("Key"));
    }
    return {.content_type = "application/xml", .body = "<DeleteResult/>"};
  }

  HttpResponse Create() {
    const std::string id = fmt::format("upload-{}", ++uploads_made_);
    uploads_[id];
    return {.content_type = "application/xml",
            .body = fmt::format(
                "<InitiateMultipartUploadResult><UploadId>{}</UploadId></InitiateMultipartUploadResult>", id)};
  }

  HttpResponse PutPart(const HttpRequest& request, const std::string& upload) {
    if (!uploads_.contains(upload)) return Error(404, "NoSuchUpload");
    if (FindHeader(request.headers, "x-amz-checksum-crc32c") != S3Crc32cText(Crc32c(request.body))) {
      return Error(400, "BadDigest");
    }
    uploads_[upload][*QueryValue(request.query, "partNumber")] = request.body;
    return {.headers = {{"etag", Etag(request.body)}}};
  }

  HttpResponse Complete(const HttpRequest& request, const std::string& key, const std::string& upload) {
    const auto body = ReadXml(request.body);
    if (!uploads_.contains(upload) || !body) return Error(404, "NoSuchUpload");
    std::string whole;
    for (const XmlElement& part : body->children) whole += uploads_[upload][part.Text("PartNumber")];
    uploads_.erase(upload);
    objects_[key] = whole;
    sums_[key] = {{"x-amz-checksum-crc32c", std::string(FindHeader(request.headers, "x-amz-checksum-crc32c"))}};
    return {.content_type = "application/xml", .body = "<CompleteMultipartUploadResult/>"};
  }

  static std::string Etag(const std::string& content) { return "\"" + Sha256::Hex(content).substr(0, 32) + "\""; }

  const SystemClock clock_;
  std::mutex mutex_;
  Fault fault_;
  std::map<std::string, std::string> objects_;
  std::map<std::string, HttpHeaders> sums_;
  std::map<std::string, std::map<std::string, std::string>> uploads_;
  std::vector<std::chrono::milliseconds> waits_;
  std::vector<std::string> asked_;
  int uploads_made_ = 0;
  std::unique_ptr<HttpServer> server_;  // last: it answers out of all above
};

}  // namespace keelson::io::testing
