#pragma once

#include "kubernetes/objects/metadata.h"

namespace keelson::kubernetes {

// A JSON Schema (draft 2020-12, of the keywords that project::JsonSchema uses) as the structural schema that a
// CustomResourceDefinition must have: OpenAPI 3.0, one type at every value. What that cannot say is left to the parser:
// names of members, and numbers that may be written as text ("500m"), which pass as any value. Unknown fields are
// refused by the API server without being told. No defaults: an object stays as its author wrote it.
Json StructuralSchema(const Json& schema);

}  // namespace keelson::kubernetes
