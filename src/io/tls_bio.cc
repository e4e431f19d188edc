#include "io/tls_bio.h"

#include <sys/socket.h>

#include <cerrno>

namespace keelson::io {
namespace {

TlsSocket& SocketOf(BIO* bio) {
  return *static_cast<TlsSocket*>(BIO_get_data(bio));
}

int ReadBio(BIO* bio, char* data, std::size_t size, std::size_t* got) {
  TlsSocket& socket = SocketOf(bio);
  BIO_clear_retry_flags(bio);
  ssize_t count = -1;
  do {
    count = recv(socket.fd, data, size, socket.dont_wait ? MSG_DONTWAIT : 0);
  } while (count < 0 && errno == EINTR);
  socket.drained = count < 0 || static_cast<std::size_t>(count) < size;
  if (count > 0) {
    *got = static_cast<std::size_t>(count);
    return 1;
  }
  *got = 0;
  if (count == 0) {
    socket.ended = true;
  } else if (errno == EAGAIN) {
    BIO_set_retry_read(bio);
  } else {
    socket.error = errno;
  }
  return 0;
}

int WriteBio(BIO* bio, const char* data, std::size_t size, std::size_t* written) {
  TlsSocket& socket = SocketOf(bio);
  BIO_clear_retry_flags(bio);
  ssize_t count = -1;
  do {
    count = send(socket.fd, data, size, MSG_NOSIGNAL | (socket.dont_wait ? MSG_DONTWAIT : 0));
  } while (count < 0 && errno == EINTR);
  if (count >= 0) {
    *written = static_cast<std::size_t>(count);
    return 1;
  }
  *written = 0;
  if (errno == EAGAIN) {
    BIO_set_retry_write(bio);
  } else {
    socket.error = errno;
  }
  return 0;
}

long Control(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_FLUSH) return 1;
  if (command == BIO_CTRL_EOF) return SocketOf(bio).ended ? 1 : 0;
  return 0;
}

const BIO_METHOD* Method() {
  static const BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "keelson socket");
    BIO_meth_set_read_ex(made, ReadBio);
    BIO_meth_set_write_ex(made, WriteBio);
    BIO_meth_set_ctrl(made, Control);
    return made;
  }();
  return method;
}

}  // namespace

BIO* MakeSocketBio(TlsSocket* socket) {
  BIO* const bio = BIO_new(Method());
  BIO_set_data(bio, socket);
  BIO_set_init(bio, 1);
  return bio;
}

}  // namespace keelson::io
