#pragma once

#include <optional>
#include <string>
#include <vector>

#include "wire/mlflow/graphql_syntax.h"

namespace keelson::wire::mlflow::graphql {

// What the reference's server refuses before it looks further: selections nested deeper than 10, more than 1,000 of
// them, more than 10 fields at the top, more than 10 aliases beside one another. In its words.
std::optional<std::string> TooLarge(const Document& document);

// The fields of a level, those of its fragments among them, in their order; a fragment counts once a level.
std::vector<const Selection*> FieldsOf(const Document& document, const std::vector<Selection>& selections);

}  // namespace keelson::wire::mlflow::graphql
