#include "serving/lightgbm_text.h"

#include <fmt/core.h>

#include <charconv>

#include "base/strings.h"

namespace keelson::serving {
namespace {

// The next line, without its end; `text` goes on behind it.
std::string_view TakeLine(std::string_view* text) {
  const std::size_t end = text->find('\n');
  std::string_view line = text->substr(0, end);
  text->remove_prefix(end == std::string_view::npos ? text->size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::string Quote(std::string_view text) {
  return fmt::format("\"{}\"", text.substr(0, 60));
}

}  // namespace

Status LightgbmBlock::AddLine(std::string_view line, bool bare_keys) {
  const std::size_t equals = line.find('=');
  if (equals == std::string_view::npos && !bare_keys) {
    return Fail(ErrorCode::kDataLoss, fmt::format("expected key=value, found {}", Quote(line)), where_);
  }
  const std::string_view value = equals == std::string_view::npos ? std::string_view() : line.substr(equals + 1);
  values_.insert_or_assign(line.substr(0, equals), value);
  return {};
}

std::string_view LightgbmBlock::Text(std::string_view key) const {
  const auto found = values_.find(key);
  return found == values_.end() ? std::string_view() : found->second;
}

std::string LightgbmBlock::At(std::string_view key) const {
  return fmt::format("{}: {}", where_, key);
}

Result<std::int64_t> LightgbmBlock::Whole(std::string_view key) const {
  if (!Has(key)) return Fail(ErrorCode::kInvalidArgument, fmt::format("no line {}=", key), where_);
  const auto value = ParseInt(Text(key));
  if (!value) {
    return Fail(ErrorCode::kDataLoss, fmt::format("expected a whole number, found {}", Quote(Text(key))), At(key));
  }
  return *value;
}

template <typename T>
Status LightgbmBlock::List(std::string_view key, std::size_t size, std::vector<T>* values) const {
  values->clear();
  if (!Has(key)) return {};
  const std::string_view text = Text(key);
  const char* at = text.data();
  const char* const end = at + text.size();
  while (true) {
    while (at != end && *at == ' ') ++at;
    if (at == end) break;
    T value{};
    const auto [stop, error] = std::from_chars(at, end, value);
    if (error != std::errc{} || (stop != end && *stop != ' ')) {
      const auto word = std::string_view(at, static_cast<std::size_t>(end - at));
      return Fail(
          ErrorCode::kDataLoss,
          fmt::format("entry {} is not a number in range: {}", values->size(), Quote(word.substr(0, word.find(' ')))),
          At(key));
    }
    values->push_back(value);
    at = stop;
  }
  if (values->size() == size) return {};
  return Fail(ErrorCode::kInvalidArgument, fmt::format("{} entries, expected {}", values->size(), size), At(key));
}

Status LightgbmBlock::Doubles(std::string_view key, std::size_t size, std::vector<double>* values) const {
  return List(key, size, values);
}
Status LightgbmBlock::Ints(std::string_view key, std::size_t size, std::vector<std::int32_t>* values) const {
  return List(key, size, values);
}
Status LightgbmBlock::Words(std::string_view key, std::size_t size, std::vector<std::uint32_t>* values) const {
  return List(key, size, values);
}

Result<LightgbmText> ReadLightgbmText(std::string_view content) {
  LightgbmText text;
  std::string_view rest = content;
  bool ended = false;
  LightgbmBlock* block = &text.head;
  TakeLine(&rest);  // "tree"
  while (!rest.empty() && !ended) {
    const std::string_view line = TakeLine(&rest);
    if (line.starts_with("Tree=")) {
      text.trees.emplace_back(fmt::format("tree {}", text.trees.size()));
      block = &text.trees.back();
    } else if (line == "end of trees") {
      ended = true;
    } else if (!line.empty()) {
      KEELSON_RETURN_IF_ERROR(block->AddLine(line, /*bare_keys=*/block == &text.head));
    }
  }
  // What follows (importances, parameters) has no say in a prediction.
  if (!ended) return Fail(ErrorCode::kDataLoss, "the file ends before \"end of trees\"", block->where());
  return text;
}

}  // namespace keelson::serving
