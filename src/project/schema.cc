#include "project/schema.h"

#include <fmt/format.h>

#include "project/description.h"
#include "project/yaml_writer.h"

namespace keelson::project {
namespace {

std::string InTable(const std::string& text) {
  std::string safe;
  for (const char c : text) {
    if (c == '|') safe += '\\';
    safe += c;
  }
  return safe;
}

std::string Default(const Field& field) {
  if (field.required) return "required";
  if (field.default_value.is_null() || field.default_value.is_object() || field.default_value.empty()) return "";
  return fmt::format(
      "`{}`", field.default_value.is_string() ? field.default_value.get<std::string>() : field.default_value.dump());
}

// The object inside maps and lists, and how one gets to it: ".NAME".
const std::vector<Field>* FieldsOf(const Shape* shape, std::string* path) {
  while (shape != nullptr && shape->fields() == nullptr) {
    shape = shape->inner();
    *path += ".NAME";
  }
  return shape == nullptr ? nullptr : shape->fields();
}

void Describe(const std::string& path, const std::vector<Field>& fields, std::string* text) {
  *text += "| field | type | default | meaning |\n| --- | --- | --- | --- |\n";
  for (const Field& field : fields) {
    *text += fmt::format("| `{}` | {} | {} | {} |\n", field.name, InTable(field.shape->Expected()),
                         InTable(Default(field)), InTable(field.doc));
  }
  for (const Field& field : fields) {
    std::string inner_path = path.empty() ? field.name : path + "." + field.name;
    const auto* inner = FieldsOf(field.shape.get(), &inner_path);
    if (inner == nullptr) continue;
    *text += fmt::format("\n## {}\n\n{}\n\n", inner_path, field.doc);
    Describe(inner_path, *inner, text);
  }
}

}  // namespace

std::string JsonSchema() {
  Json schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                 {"$id", "https://keelson.dev/schema/v1/project.json"},
                 {"title", "Keelson project file"}};
  schema.update(ProjectShape().Schema());
  return schema.dump(2) + "\n";
}

std::string ProjectFileManual() {
  std::string text =
      "# The project file\n\n"
      "This page is written by `keelson schema --markdown`; a test fails when it is not current. The same description "
      "of the "
      "fields makes\nthe parser, the JSON Schema (`keelson schema`) and `keelson render`.\n\n"
      "A project is one YAML file, `keelson.yaml` by convention, with the files that it names in its folder. Unknown "
      "fields are "
      "errors.\nTypes are strict: `name: 5` is a number and so no text, `rounds: \"200\"` is text and so no number. "
      "The file is "
      "UTF-8, at most\n1 MiB, one document, without tags, merge keys and duplicate keys; anchors and aliases are "
      "read.\n\n"
      "`apiVersion` is `keelson.dev/v1`. Within a version fields are only ever added, and an added field is optional: "
      "a file that\n"
      "is right today stays right and keeps its meaning. Anything else comes as a new version, beside which the old "
      "one is still "
      "read\nfor at least one release.\n\n"
      "Spans are one or more numbers with units of `us`, `ms`, `s`, `m`, `h`, `d`, `w`: `50ms`, `6h`, `1d12h`. Sizes "
      "have the "
      "units `Ki`,\n`Mi`, `Gi`, `Ti` (powers of 1024) or `k`, `M`, `G`, `T` (powers of 1000).\n\n"
      "## The file\n\n";
  Describe("", *ProjectShape().fields(), &text);
  return text;
}

}  // namespace keelson::project
