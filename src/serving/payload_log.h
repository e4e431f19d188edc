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
#include "serving/tensor.h"

namespace keelson::serving {

// The payload log, of two kinds. Complete: every prediction in full, written by the replica before it answers, so that
// a kill of any process loses none that was answered; over its limit there are no answers. Sampled: a part of them,
// chosen by the request id, written behind the answers out of a bounded memory; what does not fit is dropped and
// counted.
//
// Segments are io::FrameLog files named 000001.seg, 000002.seg, ... in a folder that one replica owns, which adds to
// the last one only. The first frame of a segment is a header in JSON (model, version, input columns and types, output
// names); each further frame is one request. A retried request can appear twice: readers drop a request id that they
// have seen.

struct PayloadSchema {
  std::string model;
  std::string version;
  data::Schema inputs;               // kDouble or kString: as asked, before encoding
  std::vector<std::string> outputs;  // names of the FP32 outputs
  bool tensors = false;              // of a model of named tensors, which its records hold; no inputs and outputs then
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
  // Of a model of named tensors instead: what it was asked and what it answered.
  std::vector<Tensor> asked;
  std::vector<Tensor> answered;
};

// What a record is written from when all inputs are numbers, as they are in nearly every request: views, and nothing
// that is allocated.
struct PayloadNumbers {
  std::string_view request_id;
  std::string_view version;
  Instant time;  // as PayloadRecord's, with the two below
  std::int64_t latency_us = 0;
  std::uint32_t rows = 0;
  std::span<const float> inputs;   // row-major, rows x inputs; NaN where one is missing
  std::span<const float> outputs;  // row-major, rows x outputs
};

struct PayloadOptions {
  std::uint64_t segment_bytes = 64u << 20;
  std::uint64_t limit_bytes = 0;       // of all segments in the folder; 0: none
  double sample = 1.0;                 // sampled: this part of the requests
  std::size_t queue_bytes = 8u << 20;  // sampled: that may wait to be written
};

struct PayloadCounts {
  std::uint64_t logged = 0;
  std::uint64_t dropped = 0;  // of a sampled log: no room, or not written
  std::uint64_t refused = 0;  // of a complete one: over the limit, or not written
};

// Owned by the replica, one a model version; thread-safe.
class PayloadWriter {
 public:
  static Result<std::unique_ptr<PayloadWriter>> Open(const std::string& folder, PayloadSchema schema,
                                                     PayloadOptions options = {});
  static Result<std::unique_ptr<PayloadWriter>> OpenSampled(const std::string& folder, PayloadSchema schema,
                                                            PayloadOptions options);
  virtual ~PayloadWriter() = default;

  // Whether this request's record is kept: the same for the same id, here and in every replica.
  virtual bool Wants(std::string_view request_id) const = 0;
  // Complete: in the page cache when it returns; after an error there must be no answer: kResourceExhausted over the
  // limit (429), kUnavailable when it cannot be written, as on a full disk (503). Sampled: returns at once, never with
  // an error of the disk.
  virtual Status Append(const PayloadRecord& record) = 0;
  virtual Status Append(const PayloadNumbers& numbers) = 0;
  virtual PayloadCounts counts() const = 0;
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

  struct State;

 private:
  std::unique_ptr<State> state_;
};

// One whole segment, to its last whole frame. kDataLoss names file and offset.
struct PayloadSegment {
  PayloadSchema schema;
  std::vector<PayloadRecord> records;
};
Result<PayloadSegment> ReadPayloadSegment(const std::string& path);

}  // namespace keelson::serving
