#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace keelson::io {

// What is known of a TLS connection that failed.
struct TlsFailure {
  unsigned long reason = 0;  // the first entry of OpenSSL's queue of errors, or 0
  long verify = 0;           // what came out of verifying the other side's certificate; 0: nothing wrong
  int os_error = 0;          // errno of the socket, or 0
  bool server = false;       // which end we are
  bool ready = false;        // the handshake was done
};

// What went wrong, and what to do about it. kUnauthenticated when one side does not accept the other's certificate,
// else kUnavailable.
Error TlsProblem(const TlsFailure& failure, std::string_view peer);

// The first entry of this thread's queue of OpenSSL errors in words; takes all entries off.
std::string TakeOpensslError();

}  // namespace keelson::io
