#pragma once

#include <string_view>

#include "base/result.h"
#include "sklearn/python_document.h"

namespace keelson::sklearn {

// Reads a file of skops.io (the format that MLflow saves scikit-learn's models in unless told otherwise): a zip archive
// of schema.json, a tree of nodes that say which class they are of, and of arrays as .npy files. It becomes the same
// Document as a pickle of the same model. kInvalidArgument for what is malformed, kUnsupported for nodes of another
// kind and for a schema over 64 MiB. The bytes must outlive the result.
Result<Document> ReadSkops(std::string_view bytes);

}  // namespace keelson::sklearn
