#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "io/http.h"

namespace keelson::io {

// Names under which this server may be asked, besides localhost, 127.0.0.1 and [::1] (with any port): lower case, no
// port.
struct OriginPolicy {
  std::vector<std::string> hosts;
  // Any address is one of ours, for a server that listens on all of them: a name can be pointed to us by anybody, an
  // address cannot.
  bool any_address = false;
};

// Refuses (kPermissionDenied) what a web page of somebody else could make a browser send:
//   - a Host that is not ours: DNS rebinding makes a foreign page's own name point to this machine;
//   - an Origin that is not the one asked ("null" and another port of this machine included): a cross-site write;
//   - Sec-Fetch-Site other than same-origin or none, unless a person follows a link to a page: a GET that navigates a
//   whole
//     document, which runs nothing with the linking page's hands.
// Clients that are no browsers send neither Origin nor Sec-Fetch-*, and are not hindered. Pure; any thread.
Status CheckOrigin(const HttpRequest& request, const OriginPolicy& policy);

}  // namespace keelson::io
