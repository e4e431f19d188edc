#include "serving/payload_log.h"

#include <fmt/core.h>

#include <atomic>
#include <condition_variable>
#include <iterator>
#include <mutex>
#include <thread>
#include <utility>

#include "base/hash.h"
#include "base/log.h"
#include "base/strings.h"
#include "io/mapped_frame_log.h"
#include "serving/payload_codec.h"

namespace keelson::serving {
namespace {

constexpr std::string_view kSuffix = ".seg";
constexpr std::uint64_t kFirst = 1;

std::string SegmentName(std::uint64_t number) {
  return fmt::format("{:06}{}", number, kSuffix);
}

std::uint64_t SegmentNumber(std::string_view name) {  // 0 for what is no segment
  if (!name.ends_with(kSuffix)) return 0;
  const auto number = ParseInt(name.substr(0, name.size() - kSuffix.size()));
  return number.has_value() && *number > 0 ? static_cast<std::uint64_t>(*number) : 0;
}

// The segment with the smallest number above `above` (`last`: the largest of all), 0 when there is none.
Result<std::uint64_t> FindSegment(const std::string& folder, std::uint64_t above, bool last) {
  if (!io::Exists(folder)) return 0;
  KEELSON_ASSIGN_OR_RETURN(const auto names, io::ListFolder(folder));
  std::uint64_t found = 0;
  for (const auto& name : names) {
    const std::uint64_t number = SegmentNumber(name);
    if (number <= above) continue;
    if (found == 0 || (last ? number > found : number < found)) found = number;
  }
  return found;
}

constexpr auto kRelaxed = std::memory_order_relaxed;

Result<std::uint64_t> BytesOfSegments(const std::string& folder) {
  KEELSON_ASSIGN_OR_RETURN(const auto names, io::ListFolder(folder));
  std::uint64_t bytes = 0;
  for (const auto& name : names) {
    if (SegmentNumber(name) != 0) bytes += io::FileSize(folder + "/" + name).value_or(0);
  }
  return bytes;
}

// Frames one after another into segments. One thread at a time.
class Segments {
 public:
  Segments(std::string folder, std::string head, const PayloadOptions& options, std::uint64_t number)
      : folder_(std::move(folder)), head_(std::move(head)), options_(options), number_(number) {}

  static Result<Segments> Open(const std::string& folder, const PayloadSchema& schema, const PayloadOptions& options) {
    for (const auto& input : schema.inputs) {
      if (input.type != data::ColumnType::kDouble && input.type != data::ColumnType::kString) {
        return Fail(ErrorCode::kInvalidArgument, fmt::format("input {} is {}; a payload log holds double and string",
                                                             input.name, data::ColumnTypeName(input.type)));
      }
    }
    KEELSON_RETURN_IF_ERROR(io::MakeFolders(folder));
    // A new segment at every start: the one before may end in a torn frame, and may have another schema.
    KEELSON_ASSIGN_OR_RETURN(const std::uint64_t last, FindSegment(folder, 0, /*last=*/true));
    Segments segments(folder, EncodeHead(schema), options, last == 0 ? kFirst : last + 1);
    KEELSON_ASSIGN_OR_RETURN(segments.bytes_, BytesOfSegments(folder));
    KEELSON_RETURN_IF_ERROR(segments.Begin());
    return segments;
  }

  // kResourceExhausted over the limit, kUnavailable for a disk that does not take it.
  Status Append(std::string_view frame) {
    if (segment_ != nullptr && has_records_ && segment_->size() >= options_.segment_bytes) {
      segment_.reset();
      has_records_ = false;
      ++number_;
    }
    KEELSON_RETURN_IF_ERROR(CheckLimit(frame.size() + (segment_ == nullptr ? head_.size() : 0)));
    KEELSON_RETURN_IF_ERROR(Begin());
    const std::uint64_t before = segment_->size();
    KEELSON_RETURN_IF_ERROR(Written(segment_->Append(frame)));
    bytes_ += segment_->size() - before;
    has_records_ = true;
    return {};
  }

 private:
  // Makes the segment and writes its head, unless that is done.
  Status Begin() {
    if (segment_ != nullptr && segment_->size() > 0) return {};
    if (segment_ == nullptr) {
      KEELSON_ASSIGN_OR_RETURN(segment_, io::OpenMappedFrameLog(folder_ + "/" + SegmentName(number_)));
    }
    KEELSON_RETURN_IF_ERROR(Written(segment_->Append(head_)));
    bytes_ += segment_->size();
    return {};
  }

  Status CheckLimit(std::size_t more) {
    if (options_.limit_bytes == 0 || bytes_ + more <= options_.limit_bytes) return {};
    KEELSON_ASSIGN_OR_RETURN(bytes_, BytesOfSegments(folder_));  // somebody may have taken some away
    if (segment_ != nullptr) bytes_ -= UnusedEnd();
    if (bytes_ + more <= options_.limit_bytes) return {};
    return Fail(
        ErrorCode::kResourceExhausted,
        fmt::format("the payload log has {} of at most {} bytes: take segments away with keelson payload --remove",
                    bytes_, options_.limit_bytes),
        folder_);
  }

  // What the open segment's file is longer than its frames.
  std::uint64_t UnusedEnd() const {
    const std::uint64_t file = io::FileSize(folder_ + "/" + SegmentName(number_)).value_or(0);
    return file > segment_->size() ? file - segment_->size() : 0;
  }

  static Status Written(Status status) {
    if (!status && status.error().code == ErrorCode::kResourceExhausted) status.error().code = ErrorCode::kUnavailable;
    return status;
  }

  std::string folder_;
  std::string head_;
  PayloadOptions options_;
  std::uint64_t number_;
  std::uint64_t bytes_ = 0;  // of all segments, as far as it is known here
  bool has_records_ = false;
  std::unique_ptr<io::FrameLog> segment_;
};

class CompleteWriter final : public PayloadWriter {
 public:
  CompleteWriter(PayloadSchema schema, Segments segments)
      : schema_(std::move(schema)), segments_(std::move(segments)) {}

  bool Wants(std::string_view) const override { return true; }

  Status Append(const PayloadRecord& record) override {
    KEELSON_ASSIGN_OR_RETURN(const auto frame, EncodeRecord(schema_, record));
    return Write(frame);
  }
  Status Append(const PayloadNumbers& numbers) override {
    thread_local std::string frame;
    KEELSON_RETURN_IF_ERROR(EncodeNumbers(schema_, numbers, &frame));
    auto written = Write(frame);
    if (frame.capacity() > kKept) frame = {};
    return written;
  }

  PayloadCounts counts() const override { return {logged_.load(kRelaxed), 0, refused_.load(kRelaxed)}; }

 private:
  static constexpr std::size_t kKept = 1 << 20;  // bytes of a thread's frame that the next one may use

  Status Write(std::string_view frame) {
    const std::lock_guard lock(mutex_);  // held across the write: frames go one after another into one file
    auto appended = segments_.Append(frame);
    (appended ? logged_ : refused_).fetch_add(1, kRelaxed);
    return appended;
  }

  const PayloadSchema schema_;
  std::mutex mutex_;
  Segments segments_;
  std::atomic<std::uint64_t> logged_{0}, refused_{0};
};

// The request's thread encodes the record and leaves it; a thread of the log's own writes. A burst is one wake-up.
class SampledWriter final : public PayloadWriter {
 public:
  SampledWriter(PayloadSchema schema, Segments segments, const PayloadOptions& options)
      : schema_(std::move(schema)), options_(options), segments_(std::move(segments)), thread_([this] { Write(); }) {}
  ~SampledWriter() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  bool Wants(std::string_view request_id) const override {
    constexpr double kAll = 18446744073709551616.0;  // 2^64
    return static_cast<double>(StableHash(request_id)) < options_.sample * kAll;
  }

  Status Append(const PayloadRecord& record) override {
    KEELSON_ASSIGN_OR_RETURN(auto frame, EncodeRecord(schema_, record));
    return Leave(std::move(frame));
  }
  Status Append(const PayloadNumbers& numbers) override {
    std::string frame;
    KEELSON_RETURN_IF_ERROR(EncodeNumbers(schema_, numbers, &frame));
    return Leave(std::move(frame));
  }

  PayloadCounts counts() const override { return {logged_.load(kRelaxed), dropped_.load(kRelaxed), 0}; }

 private:
  static constexpr auto kGather = std::chrono::milliseconds(10);

  Status Leave(std::string frame) {
    bool first = false;
    {
      const std::lock_guard lock(mutex_);
      if (waiting_bytes_ + frame.size() > options_.queue_bytes) {
        dropped_.fetch_add(1, kRelaxed);
        return {};
      }
      waiting_bytes_ += frame.size();
      first = waiting_.empty();
      waiting_.push_back(std::move(frame));
    }
    if (first) changed_.notify_one();
    return {};
  }

  void Write() {
    std::vector<std::string> frames;
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
      changed_.wait_for(lock, kGather, [&] { return stopping_; });
      if (waiting_.empty()) return;  // stopping, and all is written
      frames.swap(waiting_);
      lock.unlock();
      std::size_t bytes = 0;
      for (const auto& frame : frames) {
        bytes += frame.size();
        const auto appended = segments_.Append(frame);
        (appended ? logged_ : dropped_).fetch_add(1, kRelaxed);
        if (!appended && !std::exchange(said_, true)) {
          LogError("a sampled payload log cannot be written; its records are dropped and counted",
                   {{"error", appended.error().ToString()}});
        }
      }
      frames.clear();
      lock.lock();
      waiting_bytes_ -= bytes;  // what is being written takes its room still
    }
  }

  const PayloadSchema schema_;
  const PayloadOptions options_;
  Segments segments_;  // on thread_ only
  bool said_ = false;  // on thread_ only
  std::atomic<std::uint64_t> logged_{0}, dropped_{0};

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> waiting_;  // guarded by mutex_, as are the two below
  std::size_t waiting_bytes_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<PayloadWriter>> PayloadWriter::Open(const std::string& folder, PayloadSchema schema,
                                                           PayloadOptions options) {
  KEELSON_ASSIGN_OR_RETURN(auto segments, Segments::Open(folder, schema, options));
  return std::make_unique<CompleteWriter>(std::move(schema), std::move(segments));
}

Result<std::unique_ptr<PayloadWriter>> PayloadWriter::OpenSampled(const std::string& folder, PayloadSchema schema,
                                                                  PayloadOptions options) {
  if (!(options.sample > 0 && options.sample <= 1)) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("the part of the requests that is logged is {}, expected above 0 to 1", options.sample));
  }
  KEELSON_ASSIGN_OR_RETURN(auto segments, Segments::Open(folder, schema, options));
  return std::make_unique<SampledWriter>(std::move(schema), std::move(segments), options);
}

struct PayloadReader::State {
  std::string folder;
  PayloadPosition position;
  PayloadSchema schema;
  std::string schema_of;  // the segment whose head `schema` is

  Result<std::vector<PayloadRecord>> ReadSegment() {
    const std::string path = folder + "/" + position.segment;
    if (schema_of != position.segment) {
      KEELSON_ASSIGN_OR_RETURN(const auto head, io::ReadFrames(path, 0, 1));
      if (head.frames.empty()) return std::vector<PayloadRecord>{};
      auto decoded = DecodeHead(head.frames.front());
      if (!decoded) return Fail(decoded.error().code, decoded.error().message, path + ":0");
      schema = std::move(*decoded);
      schema_of = position.segment;
      if (position.offset == 0) position.offset = head.end;
    }
    KEELSON_ASSIGN_OR_RETURN(const auto read, io::ReadFrames(path, position.offset));
    std::vector<PayloadRecord> records;
    records.reserve(read.frames.size());
    for (const auto& frame : read.frames) {
      auto record = DecodeRecord(schema, frame);
      if (!record) {
        return Fail(record.error().code, record.error().message,
                    fmt::format("{}: after byte {}", path, position.offset));
      }
      records.push_back(std::move(*record));
    }
    position.offset = read.end;
    return records;
  }
};

PayloadReader::PayloadReader(std::string folder, PayloadPosition position)
    : state_(std::make_unique<State>(State{std::move(folder), std::move(position), {}, {}})) {}
PayloadReader::~PayloadReader() = default;
PayloadReader::PayloadReader(PayloadReader&&) noexcept = default;

Result<std::vector<PayloadRecord>> PayloadReader::Next() {
  for (;;) {
    // Looked for before the present segment is read: once a next one exists, nothing is added to this one, so what this
    // read leaves is a torn tail and not a record still to come.
    KEELSON_ASSIGN_OR_RETURN(const std::uint64_t next,
                             FindSegment(state_->folder, SegmentNumber(state_->position.segment), /*last=*/false));
    if (!state_->position.segment.empty()) {
      KEELSON_ASSIGN_OR_RETURN(auto records, state_->ReadSegment());
      if (!records.empty()) return records;
    }
    if (next == 0) return std::vector<PayloadRecord>{};
    state_->position = {SegmentName(next), 0};
  }
}

const PayloadPosition& PayloadReader::position() const {
  return state_->position;
}
const PayloadSchema& PayloadReader::schema() const {
  return state_->schema;
}

Result<PayloadSegment> ReadPayloadSegment(const std::string& path) {
  const auto slash = path.rfind('/');
  PayloadReader::State state{path.substr(0, slash), {path.substr(slash + 1), 0}, {}, {}};
  PayloadSegment segment;
  for (;;) {
    KEELSON_ASSIGN_OR_RETURN(auto records, state.ReadSegment());
    if (records.empty()) break;
    std::move(records.begin(), records.end(), std::back_inserter(segment.records));
  }
  segment.schema = std::move(state.schema);
  return segment;
}

}  // namespace keelson::serving
