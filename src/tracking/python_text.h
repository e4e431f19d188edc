#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace keelson::tracking {

// A text as Python's repr writes it, for messages that quote as MLflow's do: 'a', "it's", '\n'.
std::string PythonText(std::string_view text);

// A text's beginning, of at most so many characters of UTF-8.
std::string_view FirstCharacters(std::string_view text, std::size_t at_most);

// "mlflow-artifacts:/1" and "r/artifacts" give "mlflow-artifacts:/1/r/artifacts".
std::string AppendToUri(std::string_view uri, std::string_view path);

}  // namespace keelson::tracking
