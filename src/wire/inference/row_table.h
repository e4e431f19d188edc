#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "serving/json_cursor.h"
#include "serving/mlflow_signature.h"
#include "serving/model.h"
#include "wire/inference/model_inputs.h"
#include "wire/inference/tensor.h"

namespace keelson::wire::inference {

// Rows of numbers and texts as the bodies of KServe v1 and MLflow bring them, kept by column: named (from objects and
// headers) or by place (from arrays). Filled by one reader, cell by cell.
class RowTable {
 public:
  struct Column {
    std::string name;  // "" by place
    // One of the two is filled; a column of nulls alone is numbers. `texts` have their nulls in `missing`.
    std::vector<double> numbers;
    std::vector<std::string> texts;
    std::vector<std::uint8_t> missing;
    bool is_text = false;
    bool is_decided = false;  // a value other than null came
    std::size_t size() const { return is_text ? texts.size() : numbers.size(); }
  };

  explicit RowTable(const TensorLimits& limits) : limits_(limits) {}

  // The place of a column, made when it is new; `hint` is where it is likely to be.
  Result<std::size_t> Named(std::string_view name, std::size_t hint);
  Result<std::size_t> Placed(std::size_t place);
  // One more cell at the end of a column. kInvalidArgument for a text among numbers and the like, and over the limits.
  Status AddNumber(std::size_t column, double value);
  Status AddText(std::size_t column, std::string value);
  Status AddMissing(std::size_t column);
  // Columns that are shorter than `rows` get nulls, and the table is told to be ragged.
  Status EndRow(std::size_t rows);
  Status Rename(const std::vector<std::string>& names);  // of columns by place; one name each

  std::size_t rows() const { return rows_; }
  bool named() const { return named_; }
  bool ragged() const { return ragged_; }
  std::vector<Column>& columns() { return columns_; }
  const TensorLimits& limits() const { return limits_; }

 private:
  Status CountCell();

  TensorLimits limits_;
  std::vector<Column> columns_;
  std::unordered_map<std::string, std::size_t> places_;
  std::size_t rows_ = 0;
  std::size_t cells_ = 0;
  bool named_ = false;
  bool ragged_ = false;
};

// Readers of JSON values at the cursor. Malformed JSON is the caller's to refuse before; here it is kInvalidArgument
// too.

// An array of rows: each an array of scalars (by place), an object of scalars (by name; also of equally long arrays of
// them, several rows at once) or a scalar (a table of one column).
Status ReadRows(serving::JsonCursor& cursor, RowTable* table);
// An object of columns: name to an array of scalars, or to a scalar (one row).
Status ReadColumns(serving::JsonCursor& cursor, RowTable* table);
// pandas' "split": {"columns": [...], "index": [...], "data": [[...], ...]}; without columns by place.
Status ReadSplit(serving::JsonCursor& cursor, RowTable* table);
// CSV as pandas writes it: a header, RFC 4180, pandas' words for missing values.
Status ReadCsv(std::string_view text, RowTable* table);

// A column as the signature's type of numbers: as pandas' astype, which the reference applies.
Status ConvertColumn(const serving::MlflowSignature::Column& wanted, RowTable::Column* column);

// The table as inputs of the model. A table by place must have a column for each feature. Of a named one the columns
// that the signature or the model's encoder names are taken, others passed over; without either the names must be the
// model's own, in its order (a model without names of its own takes any). kFailedPrecondition says what is missing,
// kInvalidArgument what is wrong.
Result<ModelInputs> TakeTable(const serving::LoadedModel& model,
                              const std::optional<serving::MlflowSignature>& signature, RowTable& table,
                              bool keep_columns);

}  // namespace keelson::wire::inference
