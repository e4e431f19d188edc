#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace keelson::wire::mlflow::graphql {

// " Did you mean 'run' or 'runs'?": those of `options` that are written much like `name`; "" when there are none.
// `kind` stands before them: "the enum value ".
std::string DidYouMean(std::string_view name, const std::vector<std::string>& options, std::string_view kind = "");

}  // namespace keelson::wire::mlflow::graphql
