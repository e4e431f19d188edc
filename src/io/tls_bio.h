#pragma once

#include <openssl/bio.h>

#include "io/tls_stream.h"

namespace keelson::io {

// An OpenSSL BIO over a socket that it does not own. Unlike OpenSSL's own it never raises SIGPIPE, and it tells when a
// receive has emptied the socket, which saves a system call for each request.
BIO* MakeSocketBio(TlsSocket* socket);

}  // namespace keelson::io
