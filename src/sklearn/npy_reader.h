#pragma once

#include <string_view>

#include "base/result.h"
#include "sklearn/python_document.h"

namespace keelson::sklearn {

// Reads numpy's .npy format, versions 1 to 3 (numpy/lib/format.py). The array is of `bytes`, which have to outlive it,
// and the names of its fields of `document`. kInvalidArgument for what is malformed, kUnsupported for other types than
// ParseElementType's and fields of those.
Result<Array> ReadNpy(std::string_view bytes, Document* document);

}  // namespace keelson::sklearn
