#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "data/table.h"
#include "features/encoder.h"
#include "training/matrix.h"

namespace keelson::control::steps {

// What training reads: a table file with the model's inputs in their order, then the label and the time; and how many
// rows at the end (in order of time) are the test split. Beside it, the encoder of the inputs.
inline constexpr const char* kLabelColumn = "__label";
inline constexpr const char* kTimeColumn = "__time";

struct Frame {
  data::Table train;
  data::Table test;
  features::InputEncoder encoder;
};

// Which rows of the training table go into a frame as of an instant: those with a known label, in order of time and,
// within an instant, of their key, however they came in; the last `split_test` before `as_of` measure, and the
// `split_train` before those train (zero: everything before).
struct FrameRows {
  std::vector<std::size_t> train;
  std::vector<std::size_t> test;
  data::Column label;  // of every row of the table
};
// `visible`: the training table as it can be seen at `as_of`; `key_name`: its key, "" without one. kInvalidArgument
// when one of the parts is empty.
Result<FrameRows> ChooseFrameRows(const data::Table& visible, std::string_view time_name, std::string_view key_name,
                                  const std::string& label, Instant as_of, Duration split_train, Duration split_test);

// `asked`: those rows of the table, train then test; `features`: their features, joined as of each row's own time, no
// columns without views. `previous`: the encoder of the version in service, whose categories keep their codes.
Result<Frame> MakeFrame(const FrameRows& rows, const data::Table& asked, data::Table features,
                        const std::vector<std::string>& inputs, std::string_view time_name,
                        const features::InputEncoder* previous);

Status WriteFrame(const Frame& frame, const std::string& folder);
Result<Frame> ReadFrame(const std::string& folder);

// The encoded numbers of one split.
Result<training::Matrix> MatrixOf(const data::Table& rows, const features::InputEncoder& encoder);

}  // namespace keelson::control::steps
