#include "project/description.h"

#include "project/containers.h"
#include "project/scalars.h"

namespace keelson::project {
namespace {

const KeyRule kIdentifier = {"a name of letters, digits and _, not beginning with a digit",
                             "[A-Za-z_][A-Za-z0-9_]{0,62}"};

// A value that must be exactly this text, and is kept nowhere.
class FixedShape final : public Shape {
 public:
  FixedShape(std::string value, std::string hint) : value_(std::move(value)), hint_(std::move(hint)) {}

  void Read(const YamlNode& node, void*, Reader& reader) const override {
    if (node.kind != YamlNode::Kind::kScalar) return reader.WrongKind(node, value_);
    if (node.text != value_) reader.Add(node.position, reader.Here() + " is " + Quoted(node.text) + hint_, value_);
  }
  Json Write(const void*) const override { return value_; }
  Json Schema() const override { return {{"const", value_}}; }
  std::string Expected() const override { return value_; }

 private:
  std::string value_;
  std::string hint_;
};

Field Fixed(std::string name, const std::string& value, std::string hint, std::string doc) {
  return {std::move(name),
          std::move(doc),
          true,
          [](void* from) { return from; },
          std::make_shared<FixedShape>(value, std::move(hint)),
          value};
}

ShapeOf<Source> SourceShape() {
  const KeyRule column = {"a column", ""};
  return Object<Source>("a source: a map with at least a path",
                        {Member("path", &Source::path, Path("a .csv, .csv.gz or .parquet file"),
                                "The file of rows. A * matches within one file name, for a source of several files.")
                             .Required(),
                         Member("time", &Source::time, ColumnName(),
                                "The column with the instant at which a row exists; left out for a table without time. "
                                "A column of the prepared "
                                "table, when there is a table of the same name."),
                         Member("known", &Source::known, TextMap("a map from columns to columns", column, ColumnName()),
                                "Columns that get their value later than their row: the column, and the column with "
                                "the instant at which it is "
                                "known. Before that instant it is null everywhere."),
                         Member("key", &Source::key, ColumnName(),
                                "The column that names a row for ever. A pushed row replaces the row with the same "
                                "key, and a label joins the "
                                "prediction whose request id equals its key."),
                         Member("nulls", &Source::null_values,
                                List("a list of texts", TextOrEmpty("text, in quotes if it looks like a number")),
                                "The texts of a CSV file that mean that there is no value."),
                         Member("types", &Source::types,
                                TextMap("a map from columns to types", column,
                                        Choice({"bool", "int64", "double", "string", "timestamp"})),
                                "The types of columns that are not to be detected.")});
}

ShapeOf<features::AggregateFunction> Function() {
  using features::AggregateFunction;
  std::vector<std::string> names;
  for (int i = 0; i <= static_cast<int>(AggregateFunction::kLast); ++i) {
    names.emplace_back(features::AggregateFunctionName(static_cast<AggregateFunction>(i)));
  }
  using Scalar = ScalarShape<AggregateFunction>;
  return {std::make_shared<Scalar>(
      Scalar::Definition{OneOf(names),
                         [](const YamlNode& node) -> Scanned<AggregateFunction> {
                           if (const auto function = features::ParseAggregateFunction(node.text)) return *function;
                           return std::unexpected("");
                         },
                         [](const AggregateFunction& value) -> Json { return features::AggregateFunctionName(value); },
                         {{"enum", names}},
                         names})};
}

ShapeOf<features::View> ViewShape() {
  using features::Aggregate;
  using features::View;
  auto aggregate = Object<Aggregate>(
      "an aggregate: a map with of, fn and window",
      {Member("of", &Aggregate::of, Text("a column or an expression over columns, such as arr_delay > 15"),
              "The column of the source, or an expression over its columns.")
           .Required(),
       Member("fn", &Aggregate::fn, Function(),
              "What becomes of the window's values. Of no values, count is 0 and all else null.")
           .Required(),
       Member("window", &Aggregate::window, Span(), "The values that became known in (t - window, t].").Required()});
  return Object<View>(
      "a view: a map with entity, source and aggregate",
      {Member("entity", &View::entity, Text("an entity's name"), "What the features describe: one of the entities.")
           .Required(),
       Member("source", &View::source, Text("a source's name"), "Where the values come from: a source with a time.")
           .Required(),
       Member("ttl", &View::ttl, Optional(Span()),
              "Values known longer ago than this are never used. Not below a window."),
       Member("aggregate", &View::aggregates,
              Named("a map of aggregates by name", &Aggregate::name, kIdentifier, aggregate, false),
              "The features by name. A model knows them as VIEW__NAME.")
           .Required()});
}

Field FeaturesField() {
  using features::Entity;
  using features::View;
  auto keys = List("a list of columns", ColumnName(), 1);
  return Member(
      "features", &Project::features,
      Object<FeaturesSpec>(
          "a map with entities and views",
          {Member("entities", &FeaturesSpec::entities,
                  Named("a map from entities to their key columns", &Entity::name, kIdentifier,
                        Wrapped(&Entity::keys, keys)),
                  "What features describe: a name for one or more key columns, such as route: [origin, dest]."),
           Member("views", &FeaturesSpec::views, Named("a map of views by name", &View::name, kIdentifier, ViewShape()),
                  "Features of one entity from one source.")}),
      "Features with a history, computed by one engine for training and for answering live.");
}

std::vector<Field> ProjectFields() {
  auto table = Object<TableSpec>(
      "a table: a map with sql",
      {Member("sql", &TableSpec::sql_path, Path("a file with one SELECT"), "SQL over the sources, in DuckDB's dialect.")
           .Required()});
  auto metadata = Object<Project>(
      "a map with a name", {Member("name", &Project::name,
                                   TextLike("a name of lower-case letters, digits and -, at most 63",
                                            "[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"),
                                   "The project's name, and that of its endpoint and registered model.")
                                .Required(),
                            Member("time_zone", &Project::time_zone, TimeZone(), "For reports by day and month.")});
  Field name_and_zone = Group<Project>("metadata", metadata, "What the project is called.");
  name_and_zone.default_value = nullptr;
  return {
      Fixed("apiVersion", kApiVersion, "; this Keelson reads no other version",
            "The version of this format. A version only ever gains optional fields; whatever else changes gets a new "
            "version."),
      Fixed("kind", "Project", "", "What the file describes."),
      std::move(name_and_zone).Required(),
      Member("sources", &Project::sources, Named("a map of sources by name", &Source::name, kIdentifier, SourceShape()),
             "Files of rows, by name."),
      Member("tables", &Project::tables, Named("a map of tables by name", &TableSpec::name, kIdentifier, table),
             "Prepared tables. A table named like a source refines it: the source's time, known and key then speak of "
             "it."),
      Member("expectations", &Project::expectations,
             Named("a map from tables to suites", &ExpectationsSpec::table, kIdentifier,
                   Wrapped(&ExpectationsSpec::suite_path, Path("a Great Expectations suite in JSON"))),
             "What must hold of a table or source, before anything is made of it: suites of Great Expectations."),
      FeaturesField(),
      TrainField(),
      PromoteField(),
      ServeField(),
      MonitorField(),
      RetentionField(),
  };
}

}  // namespace

const std::vector<std::string>& MetricNames() {
  static const std::vector<std::string> names = {"auc", "logloss", "accuracy", "rmse", "mae"};
  return names;
}

ShapeOf<std::string> ColumnName() {
  return Text("a column's name");
}

ShapeOf<std::string> AliasName() {
  return TextLike("an alias of lower-case letters, digits, _ and -", "[a-z][a-z0-9_-]{0,62}");
}

ShapeOf<ResourcesSpec> Resources() {
  return Object<ResourcesSpec>("a map with cpu and memory",
                               {Member("cpu", &ResourcesSpec::cpu, Cpu(), "Cores."),
                                Member("memory", &ResourcesSpec::memory_bytes, Size(), "Memory.")});
}

const ObjectShape& ProjectShape() {
  static const ObjectShape shape("a project: a map with apiVersion, kind and metadata", ProjectFields());
  return shape;
}

}  // namespace keelson::project
