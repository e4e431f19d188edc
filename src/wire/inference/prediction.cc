#include "wire/inference/prediction.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

#include "base/strings.h"

namespace keelson::wire::inference {

using serving::PredictKind;

StageWatch::StageWatch(const Clock& clock, std::chrono::steady_clock::time_point received)
    : clock_(clock), last_(clock.MonotonicNow()), received_(last_) {
  if (received.time_since_epoch().count() == 0 || received >= last_) return;
  received_ = received;
  times_.queue = last_ - received;
}

void StageWatch::Lap(std::chrono::nanoseconds* stage) {
  const auto now = clock_.MonotonicNow();
  *stage += now - last_;
  last_ = now;
}

Result<PredictKind> PredictKindOf(std::string_view name, const serving::LoadedModel& model) {
  constexpr std::pair<std::string_view, PredictKind> kKinds[] = {{"value", PredictKind::kValue},
                                                                 {"margin", PredictKind::kMargin},
                                                                 {"leaves", PredictKind::kLeaves},
                                                                 {"contributions", PredictKind::kContributions}};
  for (const auto& [known, kind] : kKinds) {
    if (name != known) continue;
    if (const auto supported = model.engine().Supports(kind); !supported) {
      return Fail(ErrorCode::kInvalidArgument, supported.error().message);
    }
    return kind;
  }
  return Fail(
      ErrorCode::kInvalidArgument,
      fmt::format("parameters.predict is \"{}\"; expected value, margin, leaves or contributions", name.substr(0, 60)));
}

std::vector<std::int64_t> AnswerShape(PredictKind kind, std::int64_t rows, const serving::TreeEngine& engine) {
  const std::uint32_t width = engine.width(kind);
  if (kind == PredictKind::kLeaves) return {rows, width};
  if (kind != PredictKind::kContributions) {
    if (width == 1) return {rows};
    return {rows, static_cast<std::int64_t>(width)};
  }
  const std::uint32_t columns = engine.features() + 1;
  if (width == columns) return {rows, columns};
  return {rows, width / columns, columns};
}

bool IsLogged(const ServedModels::Entry& entry, const RequestContext& context) {
  return entry.served.payload != nullptr && entry.served.payload->Wants(context.id);
}

namespace {

// What a record says of its request, whatever the model and whichever kind of record.
template <typename Record>
Record BeginRecord(const ServedModels::Entry& entry, const RequestContext& context, const Clock& clock,
                   std::size_t rows, const StageWatch& watch) {
  Record record;
  record.request_id = context.id;
  record.version = entry.served.model->version();
  const auto time = ParseInt(context.time);
  record.time = time ? InstantFromMicros(*time) : clock.WallNow();
  record.latency_us = std::chrono::duration_cast<Duration>(watch.times().Total()).count();
  record.rows = static_cast<std::uint32_t>(rows);
  return record;
}

Status LogValues(const ServedModels::Entry& entry, const RequestContext& context, const Clock& clock,
                 const StageWatch& watch, ModelInputs& inputs, std::vector<float>* values) {
  auto& payload = *entry.served.payload;
  if (inputs.columns.empty()) {
    auto numbers = BeginRecord<serving::PayloadNumbers>(entry, context, clock, inputs.rows, watch);
    numbers.inputs = inputs.numbers;
    numbers.outputs = *values;
    return payload.Append(numbers);
  }
  auto record = BeginRecord<serving::PayloadRecord>(entry, context, clock, inputs.rows, watch);
  record.inputs = std::move(inputs.columns);
  record.outputs.swap(*values);
  auto logged = payload.Append(record);
  record.outputs.swap(*values);
  return logged;
}

}  // namespace

Status LogTensors(ServedModels::Entry& entry, const RequestContext& context, const Clock& clock, std::size_t rows,
                  std::vector<Tensor>* asked, std::vector<Tensor>* answered, StageWatch* watch) {
  if (!IsLogged(entry, context)) return {};
  auto record = BeginRecord<serving::PayloadRecord>(entry, context, clock, rows, *watch);
  record.asked.swap(*asked);
  record.answered.swap(*answered);
  auto logged = entry.served.payload->Append(record);
  asked->swap(record.asked);
  answered->swap(record.answered);
  watch->EndOutput();
  return logged;
}

Result<std::vector<float>> Predict(ServedModels::Entry& entry, ModelInputs inputs, PredictKind kind,
                                   const RequestContext& context, const Clock& clock, const TensorLimits& limits,
                                   StageWatch* watch) {
  const auto& model = *entry.served.model;
  if (const std::size_t width = model.engine().width(kind);
      kind != PredictKind::kValue && width * inputs.rows > limits.elements) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("{} rows of {} values each: an answer has at most {} numbers",
                                                         inputs.rows, width, limits.elements));
  }
  watch->EndInput();
  KEELSON_ASSIGN_OR_RETURN(const auto held, model.Hold());
  std::vector<float> values;
  const bool logged = IsLogged(entry, context);
  if (kind == PredictKind::kValue || logged) {
    values = model.Predict(inputs.numbers, inputs.rows);
    watch->EndCompute();
  }
  if (logged) {
    KEELSON_RETURN_IF_ERROR(LogValues(entry, context, clock, *watch, inputs, &values));
    watch->EndOutput();
  }
  if (kind != PredictKind::kValue) {
    values = model.Predict(inputs.numbers, inputs.rows, kind);
    watch->EndCompute();
  }
  return values;
}

namespace {

void AppendNumber(float value, bool constants, std::string* out) {
  if (std::isfinite(value)) {
    fmt::format_to(std::back_inserter(*out), "{}", static_cast<double>(value));
  } else if (!constants) {
    out->append("null");
  } else {
    out->append(std::isnan(value) ? "NaN" : value < 0 ? "-Infinity" : "Infinity");
  }
}

}  // namespace

void AppendNested(std::span<const float> values, std::span<const std::int64_t> shape, bool constants,
                  std::string* out) {
  const auto length = static_cast<std::size_t>(shape.front());
  out->push_back('[');
  for (std::size_t i = 0; i < length; ++i) {
    if (i != 0) out->push_back(',');
    if (shape.size() == 1) {
      AppendNumber(values[i], constants, out);
    } else {
      const std::size_t part = values.size() / length;
      AppendNested(values.subspan(i * part, part), shape.subspan(1), constants, out);
    }
  }
  out->push_back(']');
}

}  // namespace keelson::wire::inference
