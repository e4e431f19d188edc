#pragma once

#include <optional>

#include "base/result.h"
#include "sklearn/python_document.h"

namespace keelson::sklearn {

// What calling `called` with `arguments` gives, where that is one of the few things of which numpy's arrays, types and
// numbers (of numpy 1.x and 2.x) and protocol 2's bytes are made; nothing for all others.
Result<std::optional<Ref>> MakeNumpy(const Value& called, const Value& arguments, Document* document);
// Gives its state to a type or to an array that has none.
Status BuildNumpy(const Value& state, Document* document, Value* value);

}  // namespace keelson::sklearn
