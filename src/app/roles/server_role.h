#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"

namespace keelson::app {

struct ServerRoleOptions {
  std::string data_folder;
  std::string host = "127.0.0.1";
  int port = 7070;           // 0: any free one
  std::string address_file;  // the server's address is written here when it is ready
  std::size_t io_threads = 1;
};

// The server: control, wire and gateway in one process, until SIGTERM or SIGINT. Jobs and replicas go on running when
// it is killed and are taken over by the next one on the same data folder; a server that is asked to end stops its
// replicas and leaves jobs to end themselves.
//
// On another address than loopback every request needs the token: printed once, at the first such start, and stored as
// a hash.
Result<int> RunServer(const ServerRoleOptions& options);

}  // namespace keelson::app
