#include "wire/mlflow_database/comparison.h"

#include <fmt/format.h>

namespace keelson::wire::mlflow_database {

Status Compare(std::string_view kind, const RowSum& theirs, const RowSum& ours, std::vector<ComparedKind>& kinds) {
  kinds.push_back({std::string(kind), ours.rows(), ours.Hex()});
  if (theirs == ours) return {};
  return Fail(ErrorCode::kDataLoss,
              theirs.rows() == ours.rows()
                  ? fmt::format("the {} {} are not those of MLflow", ours.rows(), kind)
                  : fmt::format("MLflow has {} {}, and here are {}", theirs.rows(), kind, ours.rows()));
}

}  // namespace keelson::wire::mlflow_database
