#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "data/table.h"
#include "io/files.h"

namespace keelson::serving {

// The payload log: every prediction in full, written by the replica before it answers, so that a kill of any process
// loses none that was answered. Segments are io::FrameLog files named 000001.seg, 000002.seg, ... in a folder that one
// replica owns. The first frame of a segment is a header in JSON (model, version, input columns and types, output
// names); each further frame is one request. A retried request can appear twice: readers drop a request id that they
// have seen.

struct PayloadSchema {
  std::string model;
  std::string version;
  data::Schema inputs;               // kDouble or kString: as asked, before encoding
  std::vector<std::string> outputs;  // names of the FP32 outputs
  bool operator==(const PayloadSchema&) const = default;
};

struct PayloadRecord {
  std::string request_id;
  std::string version;
  Instant time;                 // the project's clock when the gateway took the request (wall time when alone)
  std::int64_t latency_us = 0;  // inside the replica
  std::uint32_t rows = 0;
  std::vector<data::Column> inputs;  // in the schema's order, `rows` long
  std::vector<float> outputs;        // row-major, rows x outputs
};

// Owned by the replica, one a model version; thread-safe.
class PayloadWriter {
 public:
  static Result<std::unique_ptr<PayloadWriter>> Open(const std::string& folder, PayloadSchema schema,
                                                     std::uint64_t segment_bytes = 64u << 20);
  virtual ~PayloadWriter() = default;
  // In the page cache when it returns. kResourceExhausted when the disk is full: the caller answers 503, not a
  // prediction.
  virtual Status Append(const PayloadRecord& record) = 0;
};

// Where a reader stands in one folder; kept by the reader, e.g. in its own checkpoint.
struct PayloadPosition {
  std::string segment;  // "" at the beginning
  std::uint64_t offset = 0;
};

// Reads on from `position` over all whole frames, across segments, and moves it. kDataLoss names file and offset.
class PayloadReader {
 public:
  explicit PayloadReader(std::string folder, PayloadPosition position = {});
  ~PayloadReader();
  PayloadReader(PayloadReader&&) noexcept;
  // At most about 64 MiB of records in one call; empty when there is nothing new.
  Result<std::vector<PayloadRecord>> Next();
  const PayloadPosition& position() const;
  const PayloadSchema& schema() const;  // of the segment last read

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace keelson::serving
