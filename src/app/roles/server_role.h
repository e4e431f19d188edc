#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "app/roles/cluster_duty.h"
#include "app/roles/garbage_rounds.h"
#include "app/roles/listen.h"
#include "base/result.h"

namespace keelson::app {

struct ServerRoleOptions {
  std::string data_folder;
  std::string database;  // the URL of a PostgreSQL; "" for the SQLite file in the data folder
  ListenOptions listen;
  int port = 7070;         // 0: any free one
  int grpc_port = -1;      // 0: any free one; -1: no gRPC
  std::string artifacts;   // "s3://bucket/prefix"; "": the folder of the data, or where it kept them before
  std::string mlflow_ui;   // folder of MLflow's built page, shown at "/mlflow/"; "": not shown
  GarbageOptions garbage;  // what is removed without being asked
  std::string queues;      // a file with the queues of the machine, as Kueue's objects; "": one queue, all of it
  std::string prices;      // a file of prices and budgets (project/price_file.h); "": the built-in prices
  std::optional<ClusterDuty> cluster;  // nothing: it acts on no Kubernetes
  std::string address_file;            // the server's address is written here when it is ready
  std::size_t io_threads = 1;
  std::int64_t payload_seconds = 3'600;  // between two jobs that turn a project's payload log into Parquet; 0: none
};

// The server: control, wire and gateway in one process, until SIGTERM or SIGINT. Jobs and replicas go on running when
// it is killed and are taken over by the next one on the same data folder; a server that is asked to end stops its
// replicas and leaves jobs to end themselves.
//
// On another address than loopback every request needs the token, which is printed once, at the first such start, and
// stored as a hash, or a certificate of the client authorities. With TLS a SIGHUP reads the certificate again, as does
// a change of its files. The port for gRPC asks for the same.
Result<int> RunServer(const ServerRoleOptions& options);

}  // namespace keelson::app
