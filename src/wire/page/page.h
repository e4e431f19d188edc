#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "io/http.h"

namespace keelson::wire {

struct PageFile {
  std::string bytes;
  std::string hash;  // of the bytes: the ETag
};

// Where the page's files come from, by name ("index.html", "app.js"); nothing when there is no such file. Only names
// that PageResponse knows are asked for. May be called from many threads at once.
using PageSource = std::function<std::optional<PageFile>(std::string_view name)>;

// The files built into the program.
std::optional<PageFile> EmbeddedPage(std::string_view name);

// The files of a folder, read anew for each request: for work on the page (esbuild --watch beside a running server). It
// blocks on the disk, so it is not for a server under load.
PageSource PageFromFolder(std::string folder);

// Answers "/" and "/page/..." with the page, under a Content-Security-Policy that allows nothing but our own files;
// nothing when the path is not the page's. GET and HEAD (the server leaves the body of a HEAD away), 304 for a matching
// If-None-Match, 405 for any other method. Never blocks with the embedded files; safe from any thread.
std::optional<io::HttpResponse> PageResponse(const io::HttpRequest& request, const PageSource& source = EmbeddedPage);

}  // namespace keelson::wire
