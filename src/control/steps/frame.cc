#include "control/steps/frame.h"

#include "data/table_io.h"
#include "io/files.h"

namespace keelson::control::steps {

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
