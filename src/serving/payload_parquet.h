#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "data/duckdb.h"

namespace keelson::serving {

struct PayloadExport {
  std::uint64_t segments = 0;        // turned now
  std::uint64_t records = 0;         // requests in them
  std::uint64_t rows = 0;            // rows written
  std::uint64_t repeated = 0;        // records left out, for their request id was there already
  std::uint64_t open = 0;            // segments that a replica adds to still
  std::uint64_t removed = 0;         // segments taken away
  std::vector<std::string> damaged;  // segments that were left as they are, each as DamagedSegment says it
};

struct PayloadExportOptions {
  std::string from;     // a folder with segments anywhere below it, as in VERSION/REPLICA/000001.seg
  std::string to;       // for each segment one file at the same place below: VERSION/REPLICA/000001.parquet
  bool remove = false;  // segments whose Parquet is on the disk
  // Segments of so many bytes, or one, are in memory at a time; the request ids of all files of `to` are read for each
  // such batch.
  std::uint64_t batch_bytes = 64u << 20;
};

// Turns the payload log's segments that nobody adds to any more into Parquet, for analysis; the worker's and the
// command line's work, never a replica's. A row of a request is a row of the file:
//
//   request_id, row (from 0), model, version, time, latency_us, input_NAME ..., output_NAME ...
//
// (of a model of named tensors see payload_tensor_table.h).
// A request id is there once in all files of `to`, however often the request was retried. Repeating it changes nothing,
// and so does a kill at any moment: a file appears whole and synced or not at all, and what is there is not made again.
// kFailedPrecondition while another does the same; kAborted when `cancelled` says so, between two segments.
Result<PayloadExport> ExportPayload(data::Engine& engine, const PayloadExportOptions& options,
                                    const std::function<void(const std::string& line, double fraction)>& progress,
                                    const std::function<bool()>& cancelled);

}  // namespace keelson::serving
