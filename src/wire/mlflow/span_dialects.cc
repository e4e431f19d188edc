#include "wire/mlflow/span_dialects.h"

#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "base/strings.h"

namespace keelson::wire::mlflow {
namespace {

using tracking::OrderedJson;
using tracking::ParseOrdered;
using tracking::PythonJson;

// One convention. In keys "#" stands for a number, and then what follows the pattern is free.
struct Dialect {
  std::string_view kind;
  std::vector<std::pair<std::string_view, std::string_view>> types;  // a value of `kind`, and MLflow's type
  std::string_view input_tokens, output_tokens, total_tokens;
  std::string_view cache_read;
  std::array<std::string_view, 2> cache_write;
  std::vector<std::string_view> inputs, outputs, models;
  std::string_view provider;
  std::vector<std::string_view> tools;
};

const std::vector<Dialect>& Dialects() {
  static const std::vector<Dialect> dialects = {
      {.kind = "openinference.span.kind",
       .types = {{"TOOL", "TOOL"},
                 {"CHAIN", "CHAIN"},
                 {"LLM", "LLM"},
                 {"RETRIEVER", "RETRIEVER"},
                 {"EMBEDDING", "EMBEDDING"},
                 {"AGENT", "AGENT"},
                 {"RERANKER", "RERANKER"},
                 {"UNKNOWN", "UNKNOWN"},
                 {"GUARDRAIL", "GUARDRAIL"},
                 {"EVALUATOR", "EVALUATOR"}},
       .input_tokens = "llm.token_count.prompt",
       .output_tokens = "llm.token_count.completion",
       .total_tokens = "llm.token_count.total",
       .cache_read = "llm.token_count.prompt_details.cache_read",
       .cache_write = {"llm.token_count.prompt_details.cache_write", ""},
       .inputs = {"input.value"},
       .outputs = {"output.value"},
       .models = {"llm.response.model_name", "llm.model_name", "llm.request.model_name", "embedding.model_name"},
       .provider = "llm.provider",
       .tools = {}},
      {.kind = "gen_ai.operation.name",
       .types = {{"chat", "CHAT_MODEL"},
                 {"create_agent", "AGENT"},
                 {"embeddings", "EMBEDDING"},
                 {"execute_tool", "TOOL"},
                 {"generate_content", "LLM"},
                 {"invoke_agent", "AGENT"},
                 {"text_completion", "LLM"},
                 {"response", "LLM"}},
       .input_tokens = "gen_ai.usage.input_tokens",
       .output_tokens = "gen_ai.usage.output_tokens",
       .total_tokens = "",
       .cache_read = "gen_ai.usage.cache_read.input_tokens",
       .cache_write = {"gen_ai.usage.cache_write.input_tokens", "gen_ai.usage.cache_creation.input_tokens"},
       .inputs = {"gen_ai.input.messages", "gen_ai.tool.call.arguments"},
       .outputs = {"gen_ai.output.messages", "gen_ai.tool.call.result"},
       .models = {"gen_ai.response.model", "gen_ai.request.model"},
       .provider = "gen_ai.provider.name",
       .tools = {"gen_ai.tool.definitions"}},
      {.kind = "traceloop.span.kind",
       .types =
           {{"workflow", "WORKFLOW"}, {"task", "TASK"}, {"agent", "AGENT"}, {"tool", "TOOL"}, {"unknown", "UNKNOWN"}},
       .input_tokens = "gen_ai.usage.prompt_tokens",
       .output_tokens = "gen_ai.usage.completion_tokens",
       .total_tokens = "llm.usage.total_tokens",
       .cache_read = "",
       .cache_write = {"", ""},
       .inputs = {"traceloop.entity.input", "gen_ai.prompt.#.content", "gen_ai.completion.#.tool_calls.#.arguments"},
       .outputs = {"traceloop.entity.output", "gen_ai.completion.#.content"},
       .models = {},
       .provider = "gen_ai.system",
       .tools = {}}};
  return dialects;
}

// Whether `key` begins as the pattern says.
bool Matches(std::string_view pattern, std::string_view key) {
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '#') {
      if (key.empty() || key.front() != pattern[i]) return false;
      key.remove_prefix(1);
      continue;
    }
    const std::size_t digits = std::min(key.find_first_not_of("0123456789"), key.size());
    if (digits == 0) return false;
    key.remove_prefix(digits);
  }
  return true;
}

// Nothing for "", {}, 0, false and the like.
const std::string* Meant(const std::string* attribute) {
  if (attribute == nullptr || attribute->empty()) return nullptr;
  const OrderedJson value = ParseOrdered(*attribute);
  const bool nothing = value.is_null() || value == false || (value.is_number() && value == 0) ||
                       (value.is_structured() && value.empty()) ||
                       (value.is_string() && value.get_ref<const std::string&>().empty());
  return !value.is_discarded() && nothing ? nullptr : attribute;
}

const std::string* FirstOf(const OrderedJson& attributes, const std::vector<std::string_view>& keys) {
  for (const std::string_view key : keys) {
    if (!key.contains('#')) {
      if (const std::string* found = Meant(AttributeText(attributes, key))) return found;
      continue;
    }
    for (const auto& [name, value] : attributes.items()) {
      if (!value.is_string() || !Matches(key, name)) continue;
      if (const std::string* found = Meant(&value.get_ref<const std::string&>())) return found;
    }
  }
  return nullptr;
}

std::optional<std::int64_t> WholeOf(const OrderedJson& attributes, std::string_view key) {
  const std::string* text = key.empty() ? nullptr : AttributeText(attributes, key);
  return text == nullptr ? std::nullopt : ParseInt(Trim(PlainText(*text)));
}

std::optional<std::string> TypeOf(const OrderedJson& attributes) {
  for (const Dialect& dialect : Dialects()) {
    const std::string* kind = AttributeText(attributes, dialect.kind);
    if (kind == nullptr || kind->empty()) continue;
    const std::string plain = PlainText(*kind);
    for (const auto& [name, type] : dialect.types) {
      if (name == plain) return std::string(type);
    }
  }
  return std::nullopt;
}

std::optional<std::string> UsageOf(const OrderedJson& attributes) {
  for (const Dialect& dialect : Dialects()) {
    const auto input = WholeOf(attributes, dialect.input_tokens);
    const auto output = WholeOf(attributes, dialect.output_tokens);
    auto total = WholeOf(attributes, dialect.total_tokens);
    std::int64_t sum = 0;
    if (!total && input && output && !__builtin_add_overflow(*input, *output, &sum)) total = sum;
    if (!input && !output && !total) continue;
    OrderedJson usage = OrderedJson::object();
    if (input) usage["input_tokens"] = *input;
    if (output) usage["output_tokens"] = *output;
    if (total) usage["total_tokens"] = *total;
    if (const auto read = WholeOf(attributes, dialect.cache_read)) usage["cache_read_input_tokens"] = *read;
    auto written = WholeOf(attributes, dialect.cache_write[0]);
    if (!written) written = WholeOf(attributes, dialect.cache_write[1]);
    if (written) usage["cache_creation_input_tokens"] = *written;
    return PythonJson(usage);
  }
  return std::nullopt;
}

// The member "model" of what went in or came out.
std::optional<std::string> ModelWithin(const OrderedJson& attributes, std::string_view key) {
  const std::string* text = AttributeText(attributes, key);
  if (text == nullptr) return std::nullopt;
  const OrderedJson value = ParseOrdered(*text);
  if (!value.is_object()) return std::nullopt;
  const auto model = value.find("model");
  if (model == value.end() || !model->is_string() || model->get_ref<const std::string&>().empty()) return std::nullopt;
  return model->get<std::string>();
}

std::optional<std::string> ModelOf(const OrderedJson& attributes) {
  for (const Dialect& dialect : Dialects()) {
    if (const std::string* found = FirstOf(attributes, dialect.models)) return PlainText(*found);
  }
  if (auto model = ModelWithin(attributes, kSpanInputs)) return model;
  return ModelWithin(attributes, kSpanOutputs);
}

template <typename Choose>
std::optional<std::string> First(const Choose& choose) {
  for (const Dialect& dialect : Dialects()) {
    if (const std::string* found = choose(dialect)) return *found;
  }
  return std::nullopt;
}

}  // namespace

const std::string* AttributeText(const OrderedJson& attributes, std::string_view key) {
  const auto found = attributes.find(key);
  return found == attributes.end() || !found->is_string() ? nullptr : &found->get_ref<const std::string&>();
}

std::string PlainText(const std::string& attribute) {
  const OrderedJson value = ParseOrdered(attribute);
  return value.is_string() ? value.get<std::string>() : attribute;
}

void TranslateDialects(OrderedJson& attributes) {
  const auto set = [&](std::string_view key, std::optional<std::string> value) {
    if (value && !attributes.contains(key)) attributes[std::string(key)] = *std::move(value);
  };
  const auto json_of = [](const std::optional<std::string>& text) {
    return text ? std::optional(PythonJson(OrderedJson(*text))) : std::nullopt;
  };
  if (const auto type = TypeOf(attributes)) {
    const std::string* own = AttributeText(attributes, kSpanType);
    if (own == nullptr || PlainText(*own) == "UNKNOWN") {
      attributes[std::string(kSpanType)] = PythonJson(OrderedJson(*type));
    }
  }
  set(kSpanInputs, First([&](const Dialect& dialect) { return FirstOf(attributes, dialect.inputs); }));
  set(kSpanOutputs, First([&](const Dialect& dialect) { return FirstOf(attributes, dialect.outputs); }));
  set(kSpanUsage, UsageOf(attributes));
  set(kSpanTools, First([&](const Dialect& dialect) { return FirstOf(attributes, dialect.tools); }));
  set(kSpanModel, json_of(ModelOf(attributes)));
  auto provider = First([&](const Dialect& dialect) { return Meant(AttributeText(attributes, dialect.provider)); });
  if (provider) provider = PlainText(*provider);
  set(kSpanProvider, json_of(provider));
}

}  // namespace keelson::wire::mlflow
