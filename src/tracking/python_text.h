#pragma once

#include <string>
#include <string_view>

namespace keelson::tracking {

// A text as Python's repr writes it, for messages that quote as MLflow's do: 'a', "it's", '\n'.
std::string PythonText(std::string_view text);

// "mlflow-artifacts:/1" and "r/artifacts" give "mlflow-artifacts:/1/r/artifacts".
std::string AppendToUri(std::string_view uri, std::string_view path);

}  // namespace keelson::tracking
