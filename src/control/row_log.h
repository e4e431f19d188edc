#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "control/row_codec.h"
#include "data/table.h"
#include "io/files.h"

namespace keelson::control {

// The rows that were pushed to one source, in the order in which they were accepted: DATA/projects/P/rows/SOURCE.log,
// an io::FrameLog of two kinds of frames (row_codec.h): the columns whenever they change, else a batch. `sequence`
// counts accepted batches from 1; a training sees the batches up to the sequence at which it was ordered. The server
// alone appends; workers read.
class RowLog {
 public:
  // What a reader gets, in order. `rows` has the log's columns at that point.
  using Batch = RowBatch;

  // Reads the batches with a sequence in (after, up_to]. A log that is not there has none.
  static Status Read(const std::string& path, std::uint64_t after, std::uint64_t up_to,
                     const std::function<Status(const Batch&)>& visit);

  // Opens for appending, and visits every batch that is there already.
  static Result<std::unique_ptr<RowLog>> Open(const std::string& path, const std::string& key_column,
                                              const std::function<Status(const Batch&)>& visit);

  // Those rows of `batch` that say something new: a row equal to the last one of its key (or, without a key column, to
  // any earlier row) is dropped, so that a retried push changes nothing. Of several rows of one key the last one
  // counts.
  Result<data::Table> OnlyNew(const data::Table& batch) const;

  // Appends a batch of new rows; empty batches are not written. It is not to be acknowledged before Sync, which one can
  // be for many batches.
  Status Append(const data::Table& rows, Instant clock);
  Status Sync();

  std::uint64_t sequence() const { return sequence_; }

 private:
  explicit RowLog(std::string key_column) : key_column_(std::move(key_column)) {}
  struct Hashes {
    std::uint64_t key;  // of what names the row
    std::uint64_t content;
  };
  Result<std::vector<Hashes>> HashesOf(const data::Table& rows) const;
  void Remember(const std::vector<Hashes>& hashes);

  std::string key_column_;
  std::unique_ptr<io::FrameLog> log_;
  data::Schema schema_;  // of the last schema frame
  std::uint64_t sequence_ = 0;
  bool dirty_ = false;  // something is not on disk yet
  std::unordered_map<std::uint64_t, std::uint64_t> last_by_key_;
};

}  // namespace keelson::control
