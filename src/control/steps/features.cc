// features: the training frame, every feature joined as of the row's own time.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/hash.h"
#include "control/step_specs.h"
#include "control/steps/frame.h"
#include "control/steps/step.h"
#include "data/snapshot.h"
#include "features/expression.h"
#include "features/join.h"
#include "serving/model.h"

namespace keelson::control::steps {
namespace {

// The rows of `table` whose label is known and whose time is in (from, to], in order of time.
Result<std::vector<std::size_t>> RowsBetween(const data::Column& time, const data::Column& label, Instant from,
                                             Instant to) {
  std::vector<std::size_t> rows;
  for (std::size_t row = 0; row < time.size(); ++row) {
    if (time.is_null(row) || label.is_null(row)) continue;
    const Instant at = InstantFromMicros(time.ints[row]);
    if (at > from && at <= to) rows.push_back(row);
  }
  std::ranges::stable_sort(rows, {}, [&](std::size_t row) { return time.ints[row]; });
  return rows;
}

}  // namespace

Result<Outcome> Features(const Context& context) {
  const Json& spec = context.spec;
  const Instant as_of = InstantFromMicros(spec.at("as_of").get<std::int64_t>());
  KEELSON_ASSIGN_OR_RETURN(auto engine, OpenEngine(context));
  features::Definitions definitions;
  const project::FeaturesSpec described = FeaturesFromJson(spec.at("features"));
  definitions.entities = described.entities;
  const auto wanted = spec.at("views").get<std::vector<std::string>>();
  for (const auto& view : described.views) {
    if (std::ranges::find(wanted, view.name) != wanted.end()) definitions.views.push_back(view);
  }
  std::map<std::string, data::Table> tables;
  features::SourceTables sources;
  std::string time_name;
  for (const Json& table : spec.at("tables")) {
    const std::string name = table.at("name");
    context.progress("reading " + name, 0.1);
    KEELSON_ASSIGN_OR_RETURN(tables[name], LoadVisible(*engine, table, as_of));
    definitions.sources.push_back(DescribeSource(table, tables[name].schema()));
    sources[name] = &tables[name];
    if (name == spec.at("spine")) time_name = definitions.sources.back().time;
  }
  engine.reset();
  const data::Table& spine = tables.at(spec.at("spine"));
  const data::Column* time = spine.Find(time_name);
  if (time == nullptr)
    return Fail(ErrorCode::kInvalidArgument, "the training table needs a `time` to split by", spec.at("spine"));
  KEELSON_ASSIGN_OR_RETURN(const auto expression, features::Expression::Parse(spec.at("label").get<std::string>()));
  KEELSON_ASSIGN_OR_RETURN(const auto bound, expression.Bind(spine.schema()));
  KEELSON_ASSIGN_OR_RETURN(data::Column label, bound.Evaluate(spine));

  const Instant test_from = as_of - Duration(spec.at("split_test_us").get<std::int64_t>());
  const Duration train_span(spec.at("split_train_us").get<std::int64_t>());
  const Instant train_from = train_span.count() == 0 ? Instant::min() : test_from - train_span;
  KEELSON_ASSIGN_OR_RETURN(const auto train_rows, RowsBetween(*time, label, train_from, test_from));
  KEELSON_ASSIGN_OR_RETURN(const auto test_rows, RowsBetween(*time, label, test_from, as_of));
  if (train_rows.empty() || test_rows.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("as of {} there are {} labelled rows to train on and {} to test on; both are needed: check "
                            "`train.split` and the sources' times",
                            FormatInstant(as_of), train_rows.size(), test_rows.size()),
                "train.split");
  }
  std::vector<std::size_t> rows = train_rows;
  rows.insert(rows.end(), test_rows.begin(), test_rows.end());
  const data::Table asked = spine.Take(rows);
  context.progress(fmt::format("joining features for {} rows", rows.size()), 0.4);
  data::Table features;
  if (!definitions.views.empty()) {
    KEELSON_ASSIGN_OR_RETURN(features, features::PointInTimeJoin(asked, time_name, sources, definitions));
  }

  data::Table frame;
  std::vector<std::string> inputs = spec.at("inputs").get<std::vector<std::string>>();
  for (const auto& input : inputs) {
    const data::Column* column = asked.Find(input);
    if (column == nullptr)
      return Fail(ErrorCode::kInvalidArgument, fmt::format("the training table has no column \"{}\"", input),
                  "train.inputs");
    frame.columns().push_back(*column);
  }
  for (auto& column : features.columns()) {
    inputs.push_back(column.name);
    frame.columns().push_back(std::move(column));
  }
  data::Column labels{
      .name = kLabelColumn, .type = data::ColumnType::kDouble, .ints = {}, .doubles = {}, .strings = {}, .valid = {}};
  for (const std::size_t row : rows) {
    labels.doubles.push_back(label.Number(row));
    labels.valid.push_back(1);
  }
  frame.columns().push_back(std::move(labels));
  data::Column times = *asked.Find(time_name);
  times.name = kTimeColumn;
  frame.columns().push_back(std::move(times));

  std::vector<std::size_t> order(rows.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  const auto cut = static_cast<std::ptrdiff_t>(train_rows.size());
  Frame result{frame.Take({order.begin(), order.begin() + cut}), frame.Take({order.begin() + cut, order.end()}), {}};
  std::optional<features::InputEncoder> previous;
  if (const std::string champion = spec.at("champion_model"); !champion.empty()) {
    KEELSON_ASSIGN_OR_RETURN(const auto model, serving::LoadedModel::Load({.name = "champion", .path = champion}));
    if (model->encoder() != nullptr) previous = *model->encoder();
  }
  KEELSON_ASSIGN_OR_RETURN(result.encoder,
                           features::InputEncoder::Create(result.train, inputs, previous ? &*previous : nullptr));
  context.progress("writing the frame", 0.9);
  const std::string folder = context.output + "/frame";
  KEELSON_RETURN_IF_ERROR(WriteFrame(result, folder));
  const std::string hash =
      Sha256::Hex(data::HashTable(result.train) + data::HashTable(result.test) + result.encoder.ToJson());
  return Outcome{.output = {{"path", folder},
                            {"hash", hash},
                            {"rows", train_rows.size()},
                            {"test_rows", test_rows.size()},
                            {"inputs", inputs}},
                 .refused = false,
                 .message = {}};
}

}  // namespace keelson::control::steps
