#include <cmath>

#include "base/strings.h"
#include "project/containers.h"
#include "project/description.h"
#include "project/scalars.h"
#include "project/xgboost_parameters.h"

namespace keelson::project {
namespace {

// A range of the search: {int: [3, 10]}, {float: [0.01, 0.3], log: true} or {choice: [a, b]}.
class SearchParameterShape final : public Shape {
 public:
  void Read(const YamlNode& node, void* into, Reader& reader) const override {
    if (node.kind != YamlNode::Kind::kMap) return reader.WrongKind(node, Expected());
    auto& parameter = *static_cast<SearchParameter*>(into);
    const YamlNode* range = nullptr;
    const YamlNode* log = nullptr;
    for (const auto& [key, value] : node.members) {
      if (key.text == "log") {
        log = &value;
      } else if (key.text != "int" && key.text != "float" && key.text != "choice") {
        reader.UnknownName(key.position, "unknown field " + Quoted(key.text) + " in " + reader.Here(), key.text,
                           {"int", "float", "choice", "log"});
      } else if (range != nullptr) {
        reader.Add(key.position, reader.Here() + " has more than one range", "only one of int, float or choice");
      } else {
        range = &value;
        const Reader::Scope scope(reader, key.text, value);
        ReadRange(key.text, value, parameter, reader);
      }
    }
    if (range == nullptr) reader.Add(node.named_at, reader.Here() + " has no range", Expected());
    if (log != nullptr) ReadLog(*log, parameter, reader);
  }

  Json Write(const void* from) const override {
    const auto& parameter = *static_cast<const SearchParameter*>(from);
    Json json = Json::object();
    switch (parameter.kind) {
      case SearchParameter::Kind::kChoice:
        json["choice"] = parameter.choices;
        break;
      case SearchParameter::Kind::kInt:
        json["int"] = {static_cast<std::int64_t>(parameter.low), static_cast<std::int64_t>(parameter.high)};
        break;
      case SearchParameter::Kind::kFloat:
        json["float"] = {parameter.low, parameter.high};
        break;
    }
    if (parameter.log) json["log"] = true;
    return json;
  }

  Json Schema() const override {
    const auto range = [](const char* type) {
      return Json{{"type", "array"}, {"items", {{"type", type}}}, {"minItems", 2}, {"maxItems", 2}};
    };
    return {{"type", "object"},
            {"properties",
             {{"int", range("integer")},
              {"float", range("number")},
              {"choice", {{"type", "array"}, {"minItems", 1}, {"items", {{"type", {"string", "number", "boolean"}}}}}},
              {"log", {{"type", "boolean"}}}}},
            {"oneOf", {{{"required", {"int"}}}, {{"required", {"float"}}}, {{"required", {"choice"}}}}},
            {"additionalProperties", false}};
  }

  std::string Expected() const override { return "a range: int: [low, high], float: [low, high] or choice: [...]"; }

 private:
  static void ReadRange(const std::string& kind, const YamlNode& value, SearchParameter& parameter, Reader& reader) {
    if (kind == "choice") {
      parameter.kind = SearchParameter::Kind::kChoice;
      const auto choices = List("a list of at least one value", Parameter("text, a number, true or false"), 1);
      return choices.shape->Read(value, &parameter.choices, reader);
    }
    parameter.kind = kind == "int" ? SearchParameter::Kind::kInt : SearchParameter::Kind::kFloat;
    const std::string expected = kind == "int" ? "[low, high] in whole numbers" : "[low, high] in numbers";
    if (value.kind != YamlNode::Kind::kSequence) return reader.WrongKind(value, expected);
    std::vector<double> ends;
    if (kind == "int") {
      std::vector<int> whole;
      List(expected, Int(-1'000'000'000, 1'000'000'000), 0, false).shape->Read(value, &whole, reader);
      ends.assign(whole.begin(), whole.end());
    } else {
      List(expected, Number("a number", -1e300, 1e300), 0, false).shape->Read(value, &ends, reader);
    }
    if (ends.size() != 2)
      return reader.Add(value.position, reader.Here() + " has " + std::to_string(ends.size()) + " values", expected);
    if (ends[0] >= ends[1]) reader.Add(value.position, reader.Here() + " does not rise", expected);
    parameter.low = ends[0];
    parameter.high = ends[1];
  }

  static void ReadLog(const YamlNode& value, SearchParameter& parameter, Reader& reader) {
    const Reader::Scope scope(reader, "log", value);
    if (!LooksLikeBool(value)) return reader.WrongKind(value, "true or false");
    parameter.log = value.text == "true";
    if (!parameter.log) return;
    if (parameter.kind == SearchParameter::Kind::kChoice)
      reader.Add(value.position, reader.Here() + " is given for a choice", "it only for int and float");
    if (parameter.kind != SearchParameter::Kind::kChoice && parameter.low <= 0) {
      reader.Add(value.position, reader.Here() + " is true for a range that begins at or below zero",
                 "a range above zero");
    }
  }
};

void ReadXgboostParameter(const YamlNode& key, const YamlNode& value, void* into, Reader& reader) {
  auto& spec = *static_cast<XgboostSpec*>(into);
  const std::string& name = key.text;
  if (const auto owner = XgboostParameterSetByUs(name)) {
    return reader.Add(key.position, reader.Here() + " sets " + Quoted(name), "it to be left to " + *owner);
  }
  const XgboostParameter* parameter = FindXgboostParameter(name);
  if (parameter == nullptr) {
    std::vector<std::string> names = {"rounds", "checkpoint_every"};
    for (const auto& known : XgboostParameters()) names.push_back(known.name);
    return reader.UnknownName(key.position, "XGBoost has no parameter " + Quoted(name), name, names);
  }
  if (const std::string alias = XgboostAlias(name); spec.parameters.contains(alias)) {
    return reader.Add(key.position, reader.Here() + " has both " + alias + " and " + name,
                      "one of the two, which mean the same");
  }
  const Reader::Scope scope(reader, name, value);
  if (const auto expected = WrongXgboostValue(*parameter, value)) return reader.WrongKind(value, *expected);
  spec.parameters[name] = value.text;
}

void WriteXgboostParameters(const void* from, Json* object) {
  using Kind = XgboostParameter::Kind;
  for (const auto& [name, text] : static_cast<const XgboostSpec*>(from)->parameters) {
    const XgboostParameter* parameter = FindXgboostParameter(name);
    const bool is_number = parameter != nullptr && (parameter->kind == Kind::kInt || parameter->kind == Kind::kNumber);
    Json value = WriteParameter(text);
    if (is_number && !value.is_number()) {  // "007", ".5"
      const auto whole = ParseInt(text);
      value = whole ? Json(*whole) : Json(ParseDouble(text).value_or(0));
    }
    (*object)[name] = std::move(value);
  }
}

void XgboostParameterSchemas(Json* properties) {
  using Kind = XgboostParameter::Kind;
  for (const auto& parameter : XgboostParameters()) {
    Json schema;
    switch (parameter.kind) {
      case Kind::kInt:
      case Kind::kNumber:
        schema["type"] = parameter.kind == Kind::kInt ? "integer" : "number";
        if (std::isfinite(parameter.low)) schema["minimum"] = parameter.low;
        if (std::isfinite(parameter.high)) schema["maximum"] = parameter.high;
        break;
      case Kind::kBool:
        schema["enum"] = {true, false, 0, 1};
        break;
      case Kind::kChoice:
        schema["enum"] = parameter.choices;
        break;
      case Kind::kText:
        schema["type"] = {"string", "number", "boolean"};
        break;
    }
    (*properties)[parameter.name] = std::move(schema);
  }
}

ShapeOf<std::variant<XgboostSpec, CommandSpec>> Trainer() {
  using Either = std::variant<XgboostSpec, CommandSpec>;
  OpenFields parameters = {ReadXgboostParameter, WriteXgboostParameters, XgboostParameterSchemas};
  auto xgboost = Object<XgboostSpec>(
      "a map with rounds and any parameters of XGBoost",
      {Member("rounds", &XgboostSpec::rounds, Int(1, 100000), "Trees to grow, before a pruner says otherwise."),
       Member("checkpoint_every", &XgboostSpec::checkpoint_every, Int(1, 100000),
              "Rounds between checkpoints, from which a killed training goes on.")},
      std::move(parameters));
  auto command = Object<CommandSpec>(
      "a map with run",
      {Member("run", &CommandSpec::command,
              List("a list: the program and its arguments", TextOrEmpty("text"), 1, false),
              "The program and its arguments, run in the project's folder without a shell. KEELSON_TRACKING_URI says "
              "where to "
              "log, KEELSON_OUTPUT where to leave the model.")
           .Required(),
       Member("parameters", &CommandSpec::parameters,
              TextMap("a map from names to values", {"a name of letters, digits and _", "[A-Za-z_][A-Za-z0-9_]{0,62}"},
                      Parameter("text, a number, true or false")),
              "Given as environment KEELSON_PARAM_NAME and in params.json.")});
  const auto alternative = [](std::string name, auto shape, std::string doc, const auto& example) {
    using Spec = std::remove_cvref_t<decltype(example)>;
    Field field;
    field.name = std::move(name);
    field.doc = std::move(doc);
    field.shape = std::move(shape.shape);
    field.member = [](void* from) -> void* {
      auto& either = *static_cast<Either*>(from);
      if (!std::holds_alternative<Spec>(either)) either.template emplace<Spec>();
      return &std::get<Spec>(either);
    };
    return field;
  };
  std::vector<Field> alternatives = {
      alternative(
          "xgboost", std::move(xgboost),
          "Gradient-boosted trees by XGBoost. Beside the fields below, any parameter of XGBoost by its own name.",
          XgboostSpec{}),
      alternative("command", std::move(command), "Any program.", CommandSpec{})};
  return {std::make_shared<ChoiceShape>(std::move(alternatives),
                                        [](const void* from) { return static_cast<const Either*>(from)->index(); })};
}

ShapeOf<SearchSpec> Search() {
  const ShapeOf<SearchParameter> range = {std::make_shared<SearchParameterShape>()};
  return Object<SearchSpec>(
      "a map of the search's settings",
      {Member("algorithm", &SearchSpec::algorithm, Choice({"tpe", "random"}), "How the next trial is chosen."),
       Member("trials", &SearchSpec::trials, Int(1, 10000), "Trainings in all."),
       Member("parallel", &SearchSpec::parallel, Int(1, 1000), "Trainings at a time. Not above trials."),
       Member("pruner", &SearchSpec::pruner, Choice({"asha", "median", "none"}),
              "What ends trials early that fall behind."),
       Member("seed", &SearchSpec::seed, Seed(), "The same seed proposes the same trials."),
       Member("space", &SearchSpec::parameters,
              Named("a map from parameters to ranges", &SearchParameter::name,
                    {"a parameter's name", "[A-Za-z_][A-Za-z0-9_]{0,62}"}, range),
              "What is searched: for each parameter int: [low, high], float: [low, high] (both with log: true if "
              "wanted) or "
              "choice: [...]. Left out: the usual ranges of XGBoost's parameters.")});
}

}  // namespace

Field TrainField() {
  auto split = Object<TrainSpec>(
      "a map with test",
      {Member("by", &TrainSpec::split_by, Choice({"time"}), "How rows are divided."),
       Member("train", &TrainSpec::split_train, Span(),
              "The span of rows before the test rows that train; left out: everything before them."),
       Member("test", &TrainSpec::split_test, Span(), "The last span of rows, which measures and never trains.")});
  auto train = Object<TrainSpec>(
      "a map with at least label and trainer",
      {Member(
           "table", &TrainSpec::table, Text("a table's or source's name"),
           "The table that is learned from. Left out: the only one of tables, else the only source, else the one that "
           "monitor.performance.labels names."),
       Member("label", &TrainSpec::label, Text("an expression over the table's columns, such as arr_delay > 15"),
              "What is predicted: a column, or an expression over columns.")
           .Required(),
       Member("inputs", &TrainSpec::inputs, List("a list of columns", ColumnName()),
              "The columns that the model sees. Left out: all but the key, the time, those that are known later and "
              "those of "
              "the label."),
       Member("views", &TrainSpec::views, List("a list of feature views", Text("a view's name")),
              "The feature views that the model sees. Left out: all."),
       Group<TrainSpec>("split", split, "Which rows train and which rows measure."),
       Member("trainer", &TrainSpec::trainer, Trainer(), "What trains: exactly one.").Required(),
       Member("search", &TrainSpec::search, Optional(Search()),
              "A search for the trainer's parameters before the first training; retrainings use what it found. Another "
              "search, trainer or label is searched anew."),
       Member("resources", &TrainSpec::resources, Resources(),
              "What each training may use; XGBoost's threads are the cores."),
       Member("queue", &TrainSpec::queue,
              TextLike("a queue's name: lower-case letters, digits and -, at most 63",
                       "[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"),
              "The queue that trainings wait in."),
       Member("priority", &TrainSpec::priority, Int(-1000000, 1000000), "Within the queue, higher goes first."),
       Member("declared_duration", &TrainSpec::declared_duration, Span(true),
              "In a replay, the time of the project's clock that a training takes.")});
  return Member("train", &Project::train, Optional(train), "How a model is made.");
}

}  // namespace keelson::project
