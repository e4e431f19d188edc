// AWS Signature Version 4, as its documentation and its published test suite have it.
#include "io/s3_signature.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <map>

#include "base/hash.h"
#include "base/strings.h"
#include "io/hmac.h"

namespace keelson::io {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

// "20130524T000000Z"
std::string TimeOf(Instant now) {
  std::string text = FormatInstant(std::chrono::floor<std::chrono::seconds>(now));
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  return text;
}

std::string EncodePath(std::string_view path) {
  std::string encoded;
  for (const char c : path) encoded += c == '/' ? "/" : PercentEncode({&c, 1});
  return encoded;
}

std::string EncodeQuery(const S3Query& query) {
  S3Query pairs;
  for (const auto& [name, value] : query) pairs.emplace_back(PercentEncode(name), PercentEncode(value));
  std::ranges::sort(pairs);
  std::string encoded;
  for (const auto& [name, value] : pairs) encoded += (encoded.empty() ? "" : "&") + name + "=" + value;
  return encoded;
}

// Without blanks around it, and with one where there were several.
std::string Collapsed(std::string_view value) {
  std::string text;
  for (const char c : Trim(value)) {
    if (c != ' ' || !text.ends_with(' ')) text += c;
  }
  return text;
}

struct SignedHeaders {
  std::string names;  // "host;x-amz-date"
  std::string lines;  // each with its newline
};

SignedHeaders HeadersOf(const S3Request& request, const S3Scope& scope) {
  std::map<std::string, std::string> values = {{"host", scope.host}};
  for (const auto& [name, value] : request.headers) {
    const auto [at, is_new] = values.emplace(ToLower(name), Collapsed(value));
    if (!is_new && at->first != "host") at->second += "," + Collapsed(value);
  }
  SignedHeaders headers;
  for (const auto& [name, value] : values) {
    headers.names += (headers.names.empty() ? "" : ";") + name;
    headers.lines += name + ":" + value + "\n";
  }
  return headers;
}

std::string ScopeText(const S3Scope& scope) {
  return fmt::format("{}/{}/{}/aws4_request", TimeOf(scope.now).substr(0, 8), scope.region, scope.service);
}

std::string Signature(const S3Request& request, const S3Scope& scope, const SignedHeaders& headers,
                      std::string_view payload_hash) {
  const std::string canonical = fmt::format("{}\n{}\n{}\n{}\n{}\n{}", request.method, EncodePath(request.path),
                                            EncodeQuery(request.query), headers.lines, headers.names, payload_hash);
  const std::string to_sign =
      fmt::format("{}\n{}\n{}\n{}", kAlgorithm, TimeOf(scope.now), ScopeText(scope), Sha256::Hex(canonical));
  std::string key = HmacSha256("AWS4" + scope.credentials.secret_key, TimeOf(scope.now).substr(0, 8));
  for (const std::string_view part :
       {std::string_view(scope.region), std::string_view(scope.service), std::string_view("aws4_request")}) {
    key = HmacSha256(key, part);
  }
  return HexEncode(HmacSha256(key, to_sign));
}

}  // namespace

std::string S3Target(std::string_view path, const S3Query& query) {
  const std::string encoded = EncodeQuery(query);
  return EncodePath(path) + (encoded.empty() ? "" : "?" + encoded);
}

std::string S3Authorization(const S3Request& request, const S3Scope& scope, std::string_view payload_hash) {
  const SignedHeaders headers = HeadersOf(request, scope);
  return fmt::format("{} Credential={}/{}, SignedHeaders={}, Signature={}", kAlgorithm, scope.credentials.access_key,
                     ScopeText(scope), headers.names, Signature(request, scope, headers, payload_hash));
}

void SignS3Request(S3Request& request, const S3Scope& scope, std::string_view payload_hash) {
  request.headers.emplace_back("x-amz-date", TimeOf(scope.now));
  request.headers.emplace_back("x-amz-content-sha256", payload_hash);
  if (!scope.credentials.session_token.empty()) {
    request.headers.emplace_back("x-amz-security-token", scope.credentials.session_token);
  }
  std::string authorization = S3Authorization(request, scope, payload_hash);
  request.headers.emplace_back("authorization", std::move(authorization));
}

std::string PresignS3Target(const S3Request& request, const S3Scope& scope, std::chrono::seconds expires) {
  const SignedHeaders headers = HeadersOf(request, scope);
  S3Request with_query = request;
  S3Query& query = with_query.query;
  query.emplace_back("X-Amz-Algorithm", kAlgorithm);
  query.emplace_back("X-Amz-Credential", scope.credentials.access_key + "/" + ScopeText(scope));
  query.emplace_back("X-Amz-Date", TimeOf(scope.now));
  query.emplace_back("X-Amz-Expires", std::to_string(expires.count()));
  query.emplace_back("X-Amz-SignedHeaders", headers.names);
  if (!scope.credentials.session_token.empty()) {
    query.emplace_back("X-Amz-Security-Token", scope.credentials.session_token);
  }
  const std::string signature = Signature(with_query, scope, headers, kUnsignedPayload);
  return S3Target(request.path, query) + "&X-Amz-Signature=" + signature;
}

std::string Base64(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');  // with the NUL that OpenSSL writes
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

}  // namespace keelson::io
