#include "serving/payload_log.h"

#include <fmt/core.h>

#include <mutex>

#include "base/strings.h"
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

class SegmentWriter final : public PayloadWriter {
 public:
  SegmentWriter(std::string folder, PayloadSchema schema, std::uint64_t segment_bytes, std::uint64_t number)
      : folder_(std::move(folder)), schema_(std::move(schema)), segment_bytes_(segment_bytes), number_(number) {}

  Status Append(const PayloadRecord& record) override {
    KEELSON_ASSIGN_OR_RETURN(const auto frame, EncodeRecord(schema_, record));
    const std::lock_guard lock(mutex_);  // held across the write: frames go one after another into one file
    if (segment_ != nullptr && has_records_ && segment_->size() >= segment_bytes_) {
      segment_.reset();
      has_records_ = false;
      ++number_;
    }
    KEELSON_RETURN_IF_ERROR(OpenSegment());
    KEELSON_RETURN_IF_ERROR(segment_->Append(frame));
    has_records_ = true;
    return {};
  }

  // Makes the segment and writes its head, unless that is done.
  Status OpenSegment() {
    if (segment_ != nullptr && segment_->size() > 0) return {};
    if (segment_ == nullptr) {
      KEELSON_ASSIGN_OR_RETURN(segment_, io::FrameLog::OpenForAppend(folder_ + "/" + SegmentName(number_)));
    }
    return segment_->Append(EncodeHead(schema_));
  }

 private:
  const std::string folder_;
  const PayloadSchema schema_;
  const std::uint64_t segment_bytes_;
  std::mutex mutex_;
  std::uint64_t number_;
  bool has_records_ = false;
  std::unique_ptr<io::FrameLog> segment_;
};

}  // namespace

Result<std::unique_ptr<PayloadWriter>> PayloadWriter::Open(const std::string& folder, PayloadSchema schema,
                                                           std::uint64_t segment_bytes) {
  for (const auto& input : schema.inputs) {
    if (input.type != data::ColumnType::kDouble && input.type != data::ColumnType::kString) {
      return Fail(ErrorCode::kInvalidArgument, fmt::format("input {} is {}; a payload log holds double and string",
                                                           input.name, data::ColumnTypeName(input.type)));
    }
  }
  KEELSON_RETURN_IF_ERROR(io::MakeFolders(folder));
  // A new segment at every start: the one before may end in a torn frame, and may have another schema.
  KEELSON_ASSIGN_OR_RETURN(const std::uint64_t last, FindSegment(folder, 0, /*last=*/true));
  auto writer =
      std::make_unique<SegmentWriter>(folder, std::move(schema), segment_bytes, last == 0 ? kFirst : last + 1);
  KEELSON_RETURN_IF_ERROR(writer->OpenSegment());
  return writer;
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

}  // namespace keelson::serving
