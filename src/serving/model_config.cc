#include "serving/model_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/strings.h"

namespace keelson::serving {
namespace {

constexpr int kMaxDepth = 32;

// A field: a scalar (text or number as written) or a message with fields.
struct Field {
  std::string name;
  std::string scalar;
  std::vector<Field> fields;
  bool message = false;
};

// Protobuf's text form: NAME: SCALAR, NAME { ... }, NAME: [ ... ], with commas and semicolons between fields, and
// comments.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  Result<std::vector<Field>> Read() {
    std::vector<Field> fields;
    KEELSON_RETURN_IF_ERROR(Fields('\0', 0, &fields));
    return fields;
  }

 private:
  std::unexpected<Error> Bad(std::string_view what) const {
    const auto line = 1 + std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(at_), '\n');
    return Fail(ErrorCode::kInvalidArgument, std::string(what), fmt::format("line {}", line));
  }

  // The next character that means something, '\0' at the end.
  char Peek() {
    while (at_ < text_.size()) {
      if (text_[at_] == '#') {
        while (at_ < text_.size() && text_[at_] != '\n') ++at_;
      } else if (std::isspace(static_cast<unsigned char>(text_[at_])) != 0) {
        ++at_;
      } else {
        return text_[at_];
      }
    }
    return '\0';
  }
  bool Take(char wanted) {
    if (Peek() != wanted || at_ == text_.size()) return false;
    ++at_;
    return true;
  }

  static bool IsWordPart(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.' || c == '-' || c == '+';
  }
  std::string Word() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && IsWordPart(text_[at_])) ++at_;
    return std::string(text_.substr(begin, at_ - begin));
  }

  Result<std::string> Quoted() {
    std::string value;
    do {  // texts side by side are one
      const char quote = text_[at_++];
      while (at_ < text_.size() && text_[at_] != quote && text_[at_] != '\n') {
        if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
        value.push_back(text_[at_++]);
      }
      if (at_ == text_.size() || text_[at_] != quote) return Bad("a text has no end");
      ++at_;
    } while (Peek() == '"' || Peek() == '\'');
    return value;
  }

  Status Fields(char end, int depth, std::vector<Field>* fields) {
    if (depth > kMaxDepth) return Bad("messages nested too deep");
    for (;;) {
      while (Take(',') || Take(';')) {
      }
      const char next = Peek();
      if (at_ == text_.size() ? end == '\0' : next == end) {
        if (at_ != text_.size()) ++at_;
        return {};
      }
      if (at_ == text_.size()) return Bad(fmt::format("the file ends before a '{}'", end));
      std::string name = Word();
      if (name.empty()) return Bad(fmt::format("'{}' where the name of a field is expected", next));
      const bool colon = Take(':');
      if (Take('[')) {
        while (!Take(']')) {
          KEELSON_RETURN_IF_ERROR(Value(name, true, depth, fields));
          if (!Take(',') && Peek() != ']') return Bad("neither ',' nor ']' after an element of a list");
        }
      } else {
        KEELSON_RETURN_IF_ERROR(Value(name, colon, depth, fields));
      }
    }
  }

  Status Value(const std::string& name, bool scalar_allowed, int depth, std::vector<Field>* fields) {
    Field field;
    field.name = name;
    const char next = Peek();
    if (Take('{') || Take('<')) {
      field.message = true;
      KEELSON_RETURN_IF_ERROR(Fields(next == '{' ? '}' : '>', depth + 1, &field.fields));
    } else if (!scalar_allowed) {
      return Bad(fmt::format("neither ':' nor '{{' after \"{}\"", name));
    } else if (next == '"' || next == '\'') {
      KEELSON_ASSIGN_OR_RETURN(field.scalar, Quoted());
    } else {
      field.scalar = Word();
      if (field.scalar.empty()) return Bad(fmt::format("no value after \"{}\"", name));
    }
    fields->push_back(std::move(field));
    return {};
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

ModelConfig::Tensor ReadTensor(const Field& field) {
  ModelConfig::Tensor tensor;
  for (const Field& part : field.fields) {
    if (part.name == "name") tensor.name = part.scalar;
    if (part.name == "data_type") {
      tensor.datatype = part.scalar.starts_with("TYPE_") ? part.scalar.substr(5) : part.scalar;
      if (tensor.datatype == "STRING") tensor.datatype = "BYTES";
    }
  }
  return tensor;
}

Status ReadPolicy(const Field& policy, ModelConfig* config) {
  for (const Field& choice : policy.fields) {
    for (const Field& part : choice.fields) {
      const auto number = ParseInt(part.scalar);
      if (!number || *number < 1) {
        return Fail(ErrorCode::kInvalidArgument,
                    fmt::format("version_policy.{}.{} is \"{}\"", choice.name, part.name, part.scalar));
      }
      if (choice.name == "latest" && part.name == "num_versions") config->latest = static_cast<std::uint64_t>(*number);
      if (choice.name == "specific" && part.name == "versions") config->specific.push_back(*number);
    }
    if (choice.name == "latest" && !config->latest) config->latest = 1;
  }
  return {};
}

// `path` names the field in errors.
Result<std::uint64_t> Count(const Field& field, std::string_view path) {
  const auto number = ParseInt(field.scalar);
  if (!number || *number < 0) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{}{} is \"{}\", expected a number from 0", path, field.name, field.scalar));
  }
  return static_cast<std::uint64_t>(*number);
}

Result<bool> Truth(const Field& field, std::string_view path) {
  if (field.scalar == "true" || field.scalar == "True" || field.scalar == "t" || field.scalar == "1") return true;
  if (field.scalar == "false" || field.scalar == "False" || field.scalar == "f" || field.scalar == "0") return false;
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("{}{} is \"{}\", expected true or false", path, field.name, field.scalar));
}

Status ReadQueuePolicy(const Field& policy, ModelConfig* config) {
  constexpr std::string_view kPath = "dynamic_batching.default_queue_policy.";
  bool refuses = true;
  for (const Field& part : policy.fields) {
    if (part.name == "timeout_action") {
      refuses = part.scalar != "DELAY" && part.scalar != "1";
    } else if (part.name == "default_timeout_microseconds") {
      KEELSON_ASSIGN_OR_RETURN(config->default_timeout_us, Count(part, kPath));
    } else if (part.name == "allow_timeout_override") {
      KEELSON_ASSIGN_OR_RETURN(config->allow_timeout_override, Truth(part, kPath));
    } else if (part.name == "max_queue_size") {
      KEELSON_ASSIGN_OR_RETURN(config->max_queue_size, Count(part, kPath));
    }
  }
  if (!refuses) config->default_timeout_us = 0;
  return {};
}

Status ReadBatching(const Field& batching, ModelConfig* config) {
  constexpr std::string_view kPath = "dynamic_batching.";
  config->dynamic_batching = true;
  for (const Field& part : batching.fields) {
    if (part.name == "max_queue_delay_microseconds") {
      KEELSON_ASSIGN_OR_RETURN(config->max_queue_delay_us, Count(part, kPath));
    } else if (part.name == "priority_levels") {
      KEELSON_ASSIGN_OR_RETURN(config->priority_levels, Count(part, kPath));
    } else if (part.name == "default_priority_level") {
      KEELSON_ASSIGN_OR_RETURN(config->default_priority_level, Count(part, kPath));
    } else if (part.name == "default_queue_policy") {
      KEELSON_RETURN_IF_ERROR(ReadQueuePolicy(part, config));
    }
  }
  if (config->default_priority_level > config->priority_levels ||
      (config->priority_levels != 0 && config->default_priority_level == 0)) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("dynamic_batching.default_priority_level is {}, expected 1 to priority_levels, {}",
                            config->default_priority_level, config->priority_levels));
  }
  return {};
}

Status ReadInstances(const Field& group, ModelConfig* config) {
  std::uint64_t count = 1;
  for (const Field& part : group.fields) {
    if (part.name != "count") continue;
    KEELSON_ASSIGN_OR_RETURN(count, Count(part, "instance_group."));
  }
  constexpr std::uint64_t kMost = 256;
  config->instances = std::min(kMost, config->instances + std::max<std::uint64_t>(count, 1));
  return {};
}

}  // namespace

BatchPolicy PolicyOf(const ModelConfig& config, const BatchPolicy& server) {
  BatchPolicy policy = server;
  // Triton puts requests together when both are said; a size alone only says what one request may have.
  if (config.dynamic_batching) {
    policy.max_rows = static_cast<std::size_t>(std::max<std::uint64_t>(config.max_batch_size.value_or(0), 1));
    policy.delay = std::chrono::microseconds(std::min<std::uint64_t>(config.max_queue_delay_us, 60'000'000));
  } else if (config.max_batch_size) {
    policy.max_rows = 1;
  }
  if (config.priority_levels != 0) {
    constexpr std::uint64_t kMost = UINT32_MAX;
    policy.priority_levels = static_cast<std::uint32_t>(std::min(config.priority_levels, kMost));
    policy.default_priority = static_cast<std::uint32_t>(std::min(config.default_priority_level, kMost));
  }
  if (config.max_queue_size != 0) policy.queue_limit = static_cast<std::size_t>(config.max_queue_size);
  if (config.default_timeout_us != 0) {
    constexpr std::uint64_t kYear = std::uint64_t{365} * 86'400 * 1'000'000;
    policy.default_timeout = std::chrono::microseconds(std::min(config.default_timeout_us, kYear));
  }
  if (config.allow_timeout_override) policy.timeout_override = *config.allow_timeout_override;
  if (config.instances != 0) policy.instances = static_cast<std::size_t>(config.instances);
  return policy;
}

Result<ModelConfig> ReadModelConfig(std::string_view text) {
  KEELSON_ASSIGN_OR_RETURN(const auto fields, Reader(text).Read());
  ModelConfig config;
  for (const Field& field : fields) {
    if (field.name == "name") config.name = field.scalar;
    if (field.name == "platform") config.platform = field.scalar;
    if (field.name == "backend") config.backend = field.scalar;
    if (field.name == "input") config.inputs.push_back(ReadTensor(field));
    if (field.name == "output") config.outputs.push_back(ReadTensor(field));
    if (field.name == "version_policy") KEELSON_RETURN_IF_ERROR(ReadPolicy(field, &config));
    if (field.name == "max_batch_size") {
      KEELSON_ASSIGN_OR_RETURN(config.max_batch_size, Count(field, ""));
    }
    if (field.name == "dynamic_batching") KEELSON_RETURN_IF_ERROR(ReadBatching(field, &config));
    if (field.name == "instance_group") KEELSON_RETURN_IF_ERROR(ReadInstances(field, &config));
  }
  return config;
}

}  // namespace keelson::serving
