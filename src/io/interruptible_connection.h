#pragma once

#include <memory>

#include "io/http.h"

namespace keelson::io {

// Where a connection may lead. kPublic: to addresses of the public Internet alone (io/public_address.h), looked at when
// it is made, so that no answer of the resolver leads it elsewhere: kPermissionDenied.
enum class Reach { kAnywhere, kPublic };

// A blocking connection whose owner waits for what may never come (a watch, a log that is followed), and which another
// thread can end.
class InterruptibleConnection : public HttpConnection {
 public:
  static std::unique_ptr<InterruptibleConnection> Create(HttpTarget target, Reach reach = Reach::kAnywhere);
  // From any thread: the call under way, and each one after it, ends with an error, soon. For good.
  virtual void Interrupt() = 0;
};

}  // namespace keelson::io
