#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "io/http.h"
#include "wire/inference/infer_request.h"
#include "wire/inference/prediction.h"
#include "wire/inference/served_models.h"

namespace keelson::wire::inference {

// What the headers of a REST request say of it.
RequestContext ContextOf(const io::HttpRequest& request);
// With the id that the request itself has, if it has one.
RequestContext NamedContext(RequestContext context, std::string_view id);

// Asks the model what a request of the Open Inference Protocol says, however it was written: by REST or by gRPC. Gives
// the outputs asked for, in their order; none when the request names an empty list of a tree model. Takes the inputs
// out of `asked`. `rows` is set as soon as it is known. kInvalidArgument for what the request has wrong; the errors of
// Predict and of LoadedModel::Infer.
Result<std::vector<Tensor>> Infer(ServedModels::Entry& entry, InferRequest& asked, const RequestContext& context,
                                  const Clock& clock, const TensorLimits& limits, StageWatch* watch, std::size_t* rows);

// A key that was looked up for the request and that the model does not read itself has done its work and is no unknown
// input: taken out of the named things (tensors, or columns of a table).
std::vector<std::string> UnusedKeys(const RequestContext& context, const serving::LoadedModel& model);

template <typename Items>
void DropNamed(const std::vector<std::string>& names, Items& items) {
  if (names.empty()) return;
  std::erase_if(items,
                [&](const auto& item) { return std::find(names.begin(), names.end(), item.name) != names.end(); });
}

}  // namespace keelson::wire::inference
