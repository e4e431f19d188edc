// features: the training frame, every feature joined as of the row's own time.
#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <map>

#include "base/hash.h"
#include "control/step_specs.h"
#include "control/steps/frame.h"
#include "control/steps/step.h"
#include "data/snapshot.h"
#include "features/join.h"
#include "serving/model.h"

namespace keelson::control::steps {

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
  std::string key_name;
  for (const Json& table : spec.at("tables")) {
    const std::string name = table.at("name");
    context.progress("reading " + name, 0.1);
    KEELSON_ASSIGN_OR_RETURN(tables[name], LoadVisible(*engine, table, as_of));
    definitions.sources.push_back(DescribeSource(table, tables[name].schema()));
    sources[name] = &tables[name];
    if (Json(name) != spec.at("spine")) continue;
    time_name = definitions.sources.back().time;
    key_name = definitions.sources.back().key;
  }
  engine.reset();
  const data::Table& spine = tables.at(spec.at("spine"));
  KEELSON_ASSIGN_OR_RETURN(const FrameRows chosen,
                           ChooseFrameRows(spine, time_name, key_name, spec.at("label"), as_of,
                                           Duration(spec.at("split_train_us").get<std::int64_t>()),
                                           Duration(spec.at("split_test_us").get<std::int64_t>())));
  std::vector<std::size_t> rows = chosen.train;
  rows.insert(rows.end(), chosen.test.begin(), chosen.test.end());
  const data::Table asked = spine.Take(rows);
  context.progress(fmt::format("joining features for {} rows", rows.size()), 0.4);
  data::Table features;
  if (!definitions.views.empty()) {
    KEELSON_ASSIGN_OR_RETURN(features, features::PointInTimeJoin(asked, time_name, sources, definitions));
  }

  std::optional<features::InputEncoder> previous;
  if (const std::string champion = spec.at("champion_model"); !champion.empty()) {
    KEELSON_ASSIGN_OR_RETURN(const auto model, serving::LoadedModel::Load({.name = "champion", .path = champion}));
    if (model->encoder() != nullptr) previous = *model->encoder();
  }
  KEELSON_ASSIGN_OR_RETURN(const Frame result, MakeFrame(chosen, asked, std::move(features),
                                                         spec.at("inputs").get<std::vector<std::string>>(), time_name,
                                                         previous ? &*previous : nullptr));
  std::vector<std::string> inputs;
  for (const auto& input : result.encoder.inputs()) inputs.push_back(input.name);
  context.progress("writing the frame", 0.9);
  const std::string folder = context.output + "/frame";
  auto written = std::async(std::launch::async, [&] { return WriteFrame(result, folder); });
  const std::string hash =
      Sha256::Hex(data::HashTable(result.train) + data::HashTable(result.test) + result.encoder.ToJson());
  KEELSON_RETURN_IF_ERROR(written.get());
  return Outcome{.output = {{"path", folder},
                            {"hash", hash},
                            {"rows", chosen.train.size()},
                            {"test_rows", chosen.test.size()},
                            {"inputs", inputs}},
                 .refused = false,
                 .message = {}};
}

}  // namespace keelson::control::steps
