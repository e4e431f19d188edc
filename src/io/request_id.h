#pragma once

#include <string>
#include <string_view>

#include "base/random.h"

namespace keelson::io {

// Whether an x-request-id is taken over from the client: 1 to 128 of [A-Za-z0-9._:-].
bool IsSaneRequestId(std::string_view id);

// Makes ids for requests that come without one. Two draws of a generator seeded by the system: unlike RandomId, no
// system call for each request. One thread.
class RequestIds {
 public:
  RequestIds();
  std::string Make();

 private:
  Random random_;
};

}  // namespace keelson::io
