#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace keelson::serving {

// What an MLflow model says of its inputs: columns by name (or by place, when none has a name), or one or more tensors.
struct MlflowSignature {
  struct Column {
    std::string name;  // "" without
    std::string type;  // "double", "long", "string", ...; of a tensor its dtype
    bool required = true;
    std::vector<std::int64_t> shape = {};  // of a tensor; -1: any length
  };
  std::vector<Column> columns;
  bool tensors = false;
  std::vector<Column> outputs;      // empty when nothing is said of them
  std::vector<std::string> params;  // names of the parameters that a request may give

  bool named() const { return !columns.empty() && !columns.front().name.empty(); }
};

// Of the model directory `folder`; nothing when its MLmodel has no signature or no inputs in it, or when there is no
// such file. kInvalidArgument for what is malformed.
Result<std::optional<MlflowSignature>> ReadMlflowSignature(const std::string& folder);

}  // namespace keelson::serving
