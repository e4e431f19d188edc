#include "control/steps/frame.h"

#include <fmt/format.h>

#include <algorithm>

#include "data/table_io.h"
#include "features/expression.h"
#include "io/files.h"

namespace keelson::control::steps {
namespace {

bool KeyLess(const data::Column& key, std::size_t a, std::size_t b) {
  if (key.is_null(a) || key.is_null(b)) return key.is_null(a) && !key.is_null(b);
  switch (key.type) {
    case data::ColumnType::kString:
      return key.strings[a] < key.strings[b];
    case data::ColumnType::kDouble:
      return key.doubles[a] < key.doubles[b];
    default:
      return key.ints[a] < key.ints[b];
  }
}

// The rows whose label is known and whose time is in (from, to], in order of time and key. `key` may be nullptr.
std::vector<std::size_t> RowsBetween(const data::Column& time, const data::Column* key, const data::Column& label,
                                     Instant from, Instant to) {
  std::vector<std::size_t> rows;
  for (std::size_t row = 0; row < time.size(); ++row) {
    if (time.is_null(row) || label.is_null(row)) continue;
    const Instant at = InstantFromMicros(time.ints[row]);
    if (at > from && at <= to) rows.push_back(row);
  }
  std::ranges::stable_sort(rows, [&](std::size_t a, std::size_t b) {
    if (time.ints[a] != time.ints[b]) return time.ints[a] < time.ints[b];
    return key != nullptr && KeyLess(*key, a, b);
  });
  return rows;
}

}  // namespace

Result<FrameRows> ChooseFrameRows(const data::Table& visible, std::string_view time_name, std::string_view key_name,
                                  const std::string& label, Instant as_of, Duration split_train, Duration split_test) {
  const data::Column* time = visible.Find(time_name);
  if (time == nullptr)
    return Fail(ErrorCode::kInvalidArgument, "the training table needs a `time` to split by", "train.table");
  KEELSON_ASSIGN_OR_RETURN(const auto expression, features::Expression::Parse(label));
  KEELSON_ASSIGN_OR_RETURN(const auto bound, expression.Bind(visible.schema()));
  FrameRows rows;
  KEELSON_ASSIGN_OR_RETURN(rows.label, bound.Evaluate(visible));
  const Instant test_from = as_of - split_test;
  const Instant train_from = split_train.count() == 0 ? Instant::min() : test_from - split_train;
  const data::Column* key = visible.Find(key_name);
  rows.train = RowsBetween(*time, key, rows.label, train_from, test_from);
  rows.test = RowsBetween(*time, key, rows.label, test_from, as_of);
  if (rows.train.empty() || rows.test.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("as of {} there are {} labelled rows to train on and {} to test on; both are needed: check "
                            "`train.split` and the sources' times",
                            FormatInstant(as_of), rows.train.size(), rows.test.size()),
                "train.split");
  }
  return rows;
}

Result<Frame> MakeFrame(const FrameRows& rows, const data::Table& asked, data::Table features,
                        const std::vector<std::string>& inputs, std::string_view time_name,
                        const features::InputEncoder* previous) {
  data::Table whole;
  std::vector<std::string> names = inputs;
  for (const auto& input : inputs) {
    const data::Column* column = asked.Find(input);
    if (column == nullptr)
      return Fail(ErrorCode::kInvalidArgument, fmt::format("the training table has no column \"{}\"", input),
                  "train.inputs");
    whole.columns().push_back(*column);
  }
  for (auto& column : features.columns()) {
    names.push_back(column.name);
    whole.columns().push_back(std::move(column));
  }
  data::Column labels{
      .name = kLabelColumn, .type = data::ColumnType::kDouble, .ints = {}, .doubles = {}, .strings = {}, .valid = {}};
  for (const auto* part : {&rows.train, &rows.test}) {
    for (const std::size_t row : *part) {
      labels.doubles.push_back(rows.label.Number(row));
      labels.valid.push_back(1);
    }
  }
  whole.columns().push_back(std::move(labels));
  data::Column times = *asked.Find(time_name);
  times.name = kTimeColumn;
  whole.columns().push_back(std::move(times));

  std::vector<std::size_t> order(asked.rows());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  const auto cut = static_cast<std::ptrdiff_t>(rows.train.size());
  Frame frame{whole.Take({order.begin(), order.begin() + cut}), whole.Take({order.begin() + cut, order.end()}), {}};
  KEELSON_ASSIGN_OR_RETURN(frame.encoder, features::InputEncoder::Create(frame.train, names, previous));
  return frame;
}

Status WriteFrame(const Frame& frame, const std::string& folder) {
  KEELSON_RETURN_IF_ERROR(io::MakeFolders(folder));
  KEELSON_RETURN_IF_ERROR(data::WriteTableFile(frame.train, folder + "/train.table"));
  KEELSON_RETURN_IF_ERROR(data::WriteTableFile(frame.test, folder + "/test.table"));
  return io::WriteFileAtomically(folder + "/encoder.json", frame.encoder.ToJson());
}

Result<Frame> ReadFrame(const std::string& folder) {
  KEELSON_ASSIGN_OR_RETURN(const std::string text, io::ReadFile(folder + "/encoder.json"));
  KEELSON_ASSIGN_OR_RETURN(auto encoder, features::InputEncoder::FromJson(text));
  KEELSON_ASSIGN_OR_RETURN(auto train, data::ReadTableFile(folder + "/train.table"));
  KEELSON_ASSIGN_OR_RETURN(auto test, data::ReadTableFile(folder + "/test.table"));
  return Frame{std::move(train), std::move(test), std::move(encoder)};
}

Result<training::Matrix> MatrixOf(const data::Table& rows, const features::InputEncoder& encoder) {
  training::Matrix matrix;
  matrix.rows = rows.rows();
  for (const auto& input : encoder.inputs()) matrix.names.push_back(input.name);
  KEELSON_ASSIGN_OR_RETURN(matrix.values, encoder.Encode(rows));
  const data::Column* label = rows.Find(kLabelColumn);
  if (label == nullptr) return Fail(ErrorCode::kDataLoss, "the frame has no label column");
  matrix.labels.reserve(rows.rows());
  for (std::size_t row = 0; row < rows.rows(); ++row) matrix.labels.push_back(static_cast<float>(label->Number(row)));
  return matrix;
}

}  // namespace keelson::control::steps
