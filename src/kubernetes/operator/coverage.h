#pragma once

#include <nlohmann/json_fwd.hpp>

namespace keelson::kubernetes {

// Whether applying `wanted` would leave `live` as it is, as far as can be told without asking: every field of it is
// there with that value, and of the fields that we have applied before (managedFields, of the manager kFieldManager)
// none is wanted no more. What others and the API server have added does not matter. Quantities are compared as such;
// a false, a zero, an empty text or list says the same as nothing.
//
// It errs to one side only: `false` where in doubt, and then an apply finds that nothing changes.
bool IsAsWanted(const nlohmann::json& live, const nlohmann::json& wanted);

}  // namespace keelson::kubernetes
