#include "wire/page/page.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/hash.h"
#include "io/files.h"
#include "wire/page/embedded_files.h"

namespace keelson::wire {
namespace {

constexpr std::string_view kContentSecurityPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

struct Served {
  std::string_view path;
  std::string_view file;
  std::string_view content_type;
};

constexpr Served kServed[] = {
    {"/", "index.html", "text/html; charset=utf-8"},
    {"/page/app.js", "app.js", "text/javascript; charset=utf-8"},
    {"/page/app.css", "app.css", "text/css; charset=utf-8"},
    {"/page/favicon.svg", "favicon.svg", "image/svg+xml"},
};

// True when an If-None-Match header names this tag: a list of tags, weak ones too, or "*".
bool NamesTag(std::string_view header, std::string_view tag) {
  while (!header.empty()) {
    const std::size_t comma = std::min(header.find(','), header.size());
    std::string_view one = header.substr(0, comma);
    header.remove_prefix(std::min(comma + 1, header.size()));
    const std::size_t begin = one.find_first_not_of(" \t");
    if (begin == std::string_view::npos) continue;
    one = one.substr(begin, one.find_last_not_of(" \t") - begin + 1);
    if (one.starts_with("W/")) one.remove_prefix(2);
    if (one == "*" || one == tag) return true;
  }
  return false;
}

io::HttpHeaders SafeHeaders() {
  return {{"content-security-policy", std::string(kContentSecurityPolicy)},
          {"x-content-type-options", "nosniff"},
          {"referrer-policy", "no-referrer"},
          {"cross-origin-opener-policy", "same-origin"},
          {"cross-origin-resource-policy", "same-origin"},
          {"cache-control", "no-cache"}};
}

}  // namespace

std::optional<PageFile> EmbeddedPage(std::string_view name) {
  for (const EmbeddedFile& file : EmbeddedFiles()) {
    if (file.name == name) return PageFile{std::string(file.bytes), std::string(file.hash)};
  }
  return std::nullopt;
}

PageSource PageFromFolder(std::string folder) {
  return [folder = std::move(folder)](std::string_view name) -> std::optional<PageFile> {
    const auto path = io::SafeJoin(folder, name);
    if (!path) return std::nullopt;
    auto bytes = io::ReadFile(*path, std::size_t{16} << 20);
    if (!bytes) return std::nullopt;
    std::string hash = Sha256::Hex(*bytes);
    return PageFile{*std::move(bytes), std::move(hash)};
  };
}

std::optional<io::HttpResponse> PageResponse(const io::HttpRequest& request, const PageSource& source) {
  const auto* served = std::ranges::find(kServed, request.path, &Served::path);
  if (served == std::end(kServed)) return std::nullopt;

  io::HttpResponse response{.content_type = std::string(served->content_type), .headers = SafeHeaders()};
  if (request.method != "GET" && request.method != "HEAD") {
    response.status = 405;
    response.content_type = "text/plain; charset=utf-8";
    response.headers.emplace_back("allow", "GET, HEAD");
    response.body = "The page is read with GET or HEAD.\n";
    return response;
  }
  std::optional<PageFile> file = source(served->file);
  if (!file) {
    response.status = 404;
    response.content_type = "text/plain; charset=utf-8";
    response.body = "This file of the page is not there; build the page first.\n";
    return response;
  }
  std::string tag = '"' + file->hash + '"';
  const bool unchanged = NamesTag(io::FindHeader(request.headers, "if-none-match"), tag);
  response.headers.emplace_back("etag", std::move(tag));
  if (unchanged) {
    response.status = 304;
  } else {
    response.body = std::move(file->bytes);
  }
  return response;
}

}  // namespace keelson::wire
