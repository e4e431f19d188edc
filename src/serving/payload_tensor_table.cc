#include "serving/payload_tensor_table.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "serving/tensor_batch.h"
#include "serving/tensor_json.h"

namespace keelson::serving {
namespace {

using data::ColumnType;

// How many rows of the table a record becomes, one for each of the request's; nothing when its tensors do not share a
// first dimension.
std::optional<std::size_t> SharedRows(const PayloadRecord& record) {
  std::optional<std::size_t> rows;
  for (const auto* tensors : {&record.asked, &record.answered}) {
    if (tensors->empty()) continue;
    if (std::ranges::any_of(*tensors, [](const Tensor& tensor) { return tensor.elements() == 0; })) return std::nullopt;
    const auto of_these = RowsOf(*tensors);
    if (!of_these || (rows && *rows != *of_these)) return std::nullopt;
    rows = of_these;
  }
  return rows;
}

ColumnType TypeOf(Datatype datatype) {
  if (IsFloat(datatype)) return ColumnType::kDouble;
  if (datatype == Datatype::kBool) return ColumnType::kBool;
  return datatype == Datatype::kBytes || datatype == Datatype::kUint64 ? ColumnType::kString : ColumnType::kInt64;
}

bool IsOneValueARow(const Tensor& tensor, const std::optional<std::size_t>& rows) {
  return rows && tensor.elements() == *rows;
}

class TableWriter {
 public:
  explicit TableWriter(const PayloadSchema& schema) : schema_(schema) {}

  data::Table Write(std::span<const PayloadRecord* const> records) {
    data::Schema columns = {{"request_id", ColumnType::kString}, {"row", ColumnType::kInt64},
                            {"model", ColumnType::kString},      {"version", ColumnType::kString},
                            {"time", ColumnType::kTimestamp},    {"latency_us", ColumnType::kInt64}};
    fixed_ = columns.size();
    for (const auto* record : records) {
      const auto rows = SharedRows(*record);
      for (const Tensor& tensor : record->asked) Know("input_" + tensor.name, tensor, rows, &columns);
      for (const Tensor& tensor : record->answered) Know("output_" + tensor.name, tensor, rows, &columns);
    }
    data::Table table(columns);
    for (const auto* record : records) Append(*record, &table);
    return table;
  }

 private:
  // A column has the type of its tensors where they all have one, and is text otherwise.
  void Know(const std::string& name, const Tensor& tensor, const std::optional<std::size_t>& rows,
            data::Schema* columns) {
    const ColumnType type = IsOneValueARow(tensor, rows) ? TypeOf(tensor.datatype) : ColumnType::kString;
    const auto [found, is_new] = places_.try_emplace(name, columns->size());
    if (is_new) {
      columns->push_back({name, type});
    } else if ((*columns)[found->second].type != type) {
      (*columns)[found->second].type = ColumnType::kString;
    }
  }

  void Append(const PayloadRecord& record, data::Table* table) {
    const auto rows = SharedRows(record);
    for (std::size_t row = 0; row < rows.value_or(1); ++row) {
      auto& columns = table->columns();
      columns[0].AppendFitting(record.request_id);
      columns[1].AppendFitting(static_cast<std::int64_t>(row));
      columns[2].AppendFitting(schema_.model);
      columns[3].AppendFitting(record.version);
      columns[4].AppendFitting(record.time);
      columns[5].AppendFitting(record.latency_us);
      for (const Tensor& tensor : record.asked) AppendCell("input_" + tensor.name, tensor, rows, row, table);
      for (const Tensor& tensor : record.answered) AppendCell("output_" + tensor.name, tensor, rows, row, table);
      for (std::size_t i = fixed_; i < columns.size(); ++i) {
        if (columns[i].size() < columns[0].size()) columns[i].AppendNull();
      }
    }
  }

  void AppendCell(const std::string& name, const Tensor& tensor, const std::optional<std::size_t>& rows,
                  std::size_t row, data::Table* table) {
    data::Column& column = table->columns()[places_.at(name)];
    if (column.size() == table->columns()[0].size()) return;  // a tensor that stands twice
    if (!IsOneValueARow(tensor, rows)) {
      std::string json;
      if (tensor.elements() == 0) {
        json = "[]";
      } else if (rows) {
        const auto shape = std::span(tensor.shape).subspan(1);
        AppendTensorJson(tensor, row * (tensor.elements() / *rows), shape, JsonConstants::kNull, &json);
      } else {
        AppendTensorJson(tensor, 0, tensor.shape, JsonConstants::kNull, &json);
      }
      return column.AppendFitting(json);
    }
    if (!tensor.missing.empty() && tensor.missing[row] != 0) return column.AppendNull();
    if (IsFloat(tensor.datatype) && std::isnan(tensor.Number(row))) return column.AppendNull();
    if (column.type == ColumnType::kDouble) return column.AppendFitting(tensor.Number(row));
    if (column.type == ColumnType::kInt64) return column.AppendFitting(tensor.ints[row]);
    if (column.type == ColumnType::kBool) return column.AppendFitting(tensor.ints[row] != 0);
    if (tensor.datatype == Datatype::kBytes) return column.AppendFitting(tensor.texts[row]);
    std::string json;
    AppendTensorJson(tensor, row, {}, JsonConstants::kNull, &json);
    column.AppendFitting(json);
  }

  const PayloadSchema& schema_;
  std::size_t fixed_ = 0;
  std::map<std::string, std::size_t> places_;  // of a tensor's column
};

}  // namespace

data::Table TensorTable(const PayloadSchema& schema, std::span<const PayloadRecord* const> records) {
  return TableWriter(schema).Write(records);
}

}  // namespace keelson::serving
