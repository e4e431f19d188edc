#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "wire/inference/edge_features.h"

// What the server's edge changes in the messages of inference.GRPCInferenceService. The rest of them it passes on as
// the bytes that came: a message of Protocol Buffers grows by what is written behind it.
namespace keelson::wire::inference {

// Adds to a ModelInferRequest a tensor for each name; `values` has, row by row, one number a name, NaN for null. `raw`:
// its contents are.
void AppendFeatures(const std::vector<std::string>& names, std::size_t rows, const std::vector<double>& values,
                    bool raw, std::string* request);

// What a replica says of its model, as it is for those who ask the endpoint: the features that are spliced in are asked
// of nobody, the entity keys are, and there may be more versions.
std::string MetadataOfEndpoint(std::string_view response, const EndpointFeatures& features,
                               std::span<const std::string> versions);
std::string ConfigOfEndpoint(std::string_view response, const EndpointFeatures& features);

}  // namespace keelson::wire::inference
