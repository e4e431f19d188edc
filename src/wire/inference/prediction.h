#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "wire/inference/model_inputs.h"
#include "wire/inference/served_models.h"

namespace keelson::wire::inference {

// Takes the times of a request's stages, one after another. Lives as long as the handling of the request.
class StageWatch {
 public:
  // `received`: when the I/O thread woke up to read the request; zero when nobody looked.
  StageWatch(const Clock& clock, std::chrono::steady_clock::time_point received);
  void EndQueue() { Lap(&times_.queue); }
  void EndInput() { Lap(&times_.input); }
  void EndCompute() { Lap(&times_.compute); }
  void EndOutput() { Lap(&times_.output); }
  const StageTimes& times() const { return times_; }
  std::chrono::steady_clock::time_point received() const { return received_; }
  std::chrono::steady_clock::time_point now() const { return last_; }  // the end of the stage before

 private:
  void Lap(std::chrono::nanoseconds* stage);

  const Clock& clock_;
  std::chrono::steady_clock::time_point last_;
  std::chrono::steady_clock::time_point received_;
  StageTimes times_;
};

// What stands around a request and not in it, in HTTP's headers or gRPC's metadata. Views of the request.
struct RequestContext {
  std::string_view id;    // names the record in the payload log
  std::string_view time;  // x-keelson-time, the project's clock in microseconds; else the wall's counts
  std::string_view keys;  // x-keelson-keys: inputs that are there as entity keys only
  std::optional<std::chrono::nanoseconds> timeout = std::nullopt;  // from the request's arrival; not a parameter's
};

// What parameters.predict asks for, when the model can give it: "value", "margin", "leaves" or "contributions".
Result<serving::PredictKind> PredictKindOf(std::string_view name, const serving::LoadedModel& model);

// [n] for one value a row, else [n, values]; leaves are [n, trees]; contributions [n, features + 1] or, of several
// outputs, [n, outputs, features + 1]. `rows` may be -1.
std::vector<std::int64_t> AnswerShape(serving::PredictKind kind, std::int64_t rows, const serving::TreeEngine& engine);

// Whether the record of the request goes into the payload log: then its inputs are to be kept as they were asked.
bool IsLogged(const ServedModels::Entry& entry, const RequestContext& context);

// Predicts and, where there is a payload log, writes the record (of the values, whatever the kind) before it returns.
// kInvalidArgument for an answer over the limit; the errors of PayloadWriter::Append.
Result<std::vector<float>> Predict(ServedModels::Entry& entry, ModelInputs inputs, serving::PredictKind kind,
                                   const RequestContext& context, const Clock& clock, const TensorLimits& limits,
                                   StageWatch* watch);

// Writes the record of a request to a model of named tensors, where there is a payload log that wants it. The tensors
// are lent: they come back as they were. The errors of PayloadWriter::Append.
Status LogTensors(ServedModels::Entry& entry, const RequestContext& context, const Clock& clock, std::size_t rows,
                  std::vector<Tensor>* asked, std::vector<Tensor>* answered, StageWatch* watch);

// The values as nested arrays of JSON, as numpy's tolist writes them: each float by the digits of its double.
// `constants`: NaN and infinities as Python's json module writes them (NaN, Infinity), else null.
void AppendNested(std::span<const float> values, std::span<const std::int64_t> shape, bool constants, std::string* out);

}  // namespace keelson::wire::inference
