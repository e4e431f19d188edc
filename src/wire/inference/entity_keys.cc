#include "wire/inference/entity_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace keelson::wire::inference {
namespace {

std::string_view Expected(data::ColumnType type) {
  switch (type) {
    case data::ColumnType::kString:
      return "BYTES";
    case data::ColumnType::kInt64:
      return "an integer datatype";
    case data::ColumnType::kBool:
      return "BOOL";
    case data::ColumnType::kDouble:
      return "a number";
    case data::ColumnType::kTimestamp:
      break;
  }
  return "no timestamp";
}

bool Fits(data::ColumnType type, Datatype datatype) {
  switch (type) {
    case data::ColumnType::kString:
      return datatype == Datatype::kBytes;
    case data::ColumnType::kInt64:
      return IsInteger(datatype) && datatype != Datatype::kBool && datatype != Datatype::kUint64;
    case data::ColumnType::kBool:
      return datatype == Datatype::kBool;
    case data::ColumnType::kDouble:
      return datatype != Datatype::kBytes;
    case data::ColumnType::kTimestamp:
      break;
  }
  return false;
}

data::Value Cell(data::ColumnType type, const Tensor& tensor, std::size_t i) {
  switch (type) {
    case data::ColumnType::kString:
      if (!tensor.missing.empty() && tensor.missing[i] != 0) return std::monostate{};
      return tensor.texts[i];
    case data::ColumnType::kInt64:
      return tensor.ints[i];
    case data::ColumnType::kBool:
      return tensor.ints[i] != 0;
    default:
      break;
  }
  const double number = tensor.Number(i);
  if (std::isnan(number)) return std::monostate{};
  return number;
}

}  // namespace

Result<EntityKeys> TakeEntityKeys(const data::Schema& keys, const std::vector<Tensor>& tensors) {
  EntityKeys taken;
  std::vector<const Tensor*> columns;
  for (const auto& key : keys) {
    const auto found =
        std::find_if(tensors.begin(), tensors.end(), [&](const auto& each) { return each.name == key.name; });
    if (found == tensors.end()) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("input \"{}\" is missing: the endpoint's features are looked up by it", key.name));
    }
    const bool vector = found->shape.size() == 1 || (found->shape.size() == 2 && found->shape[1] == 1);
    if (!vector || !Fits(key.type, found->datatype)) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("input \"{}\" is {} {}, expected {} [-1]", key.name, DatatypeName(found->datatype),
                              found->ShapeText(), Expected(key.type)));
    }
    const auto rows = static_cast<std::size_t>(found->shape[0]);
    if (!columns.empty() && rows != taken.rows) {
      return Fail(ErrorCode::kInvalidArgument, fmt::format("input \"{}\" has {} rows, expected {} as \"{}\"", key.name,
                                                           rows, taken.rows, columns[0]->name));
    }
    taken.rows = rows;
    columns.push_back(&*found);
  }
  taken.cells.reserve(taken.rows * keys.size());
  for (std::size_t row = 0; row < taken.rows; ++row) {
    for (std::size_t k = 0; k < keys.size(); ++k) taken.cells.push_back(Cell(keys[k].type, *columns[k], row));
  }
  return taken;
}

}  // namespace keelson::wire::inference
