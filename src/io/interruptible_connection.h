#pragma once

#include <memory>

#include "io/http.h"

namespace keelson::io {

// A blocking connection whose owner waits for what may never come (a watch, a log that is followed), and which another
// thread can end.
class InterruptibleConnection : public HttpConnection {
 public:
  static std::unique_ptr<InterruptibleConnection> Create(HttpTarget target);
  // From any thread: the call under way, and each one after it, ends with an error, soon. For good.
  virtual void Interrupt() = 0;
};

}  // namespace keelson::io
