#include "control/table_columns.h"

namespace keelson::control {

data::Table WithColumns(const data::Table& rows, const data::Schema& schema) {
  if (rows.schema() == schema) return rows;
  data::Table table(schema);
  for (data::Column& column : table.columns()) {
    const data::Column* given = rows.Find(column.name);
    if (given != nullptr && given->type == column.type) {
      column = *given;
    } else {
      for (std::size_t row = 0; row < rows.rows(); ++row) column.AppendNull();
    }
  }
  return table;
}

}  // namespace keelson::control
