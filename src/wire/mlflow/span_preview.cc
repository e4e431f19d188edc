#include "wire/mlflow/span_preview.h"

#include <vector>

#include "tracking/python_json.h"
#include "wire/mlflow/limits.h"

namespace keelson::wire::mlflow {
namespace {

using tracking::OrderedJson;

constexpr std::size_t kLongest = 1000;

bool IsMessage(const OrderedJson& item) {
  return item.is_object() && item.contains("role") && item.contains("content");
}

std::vector<OrderedJson> MessagesIn(const OrderedJson& list) {
  std::vector<OrderedJson> messages;
  for (const OrderedJson& item : list) {
    if (IsMessage(item)) messages.push_back(item);
  }
  return messages;
}

// The messages of a request or an answer of OpenAI's APIs, old and new.
std::vector<OrderedJson> FindMessages(const OrderedJson& body) {
  if (!body.is_object()) return {};
  const auto list = [&](const char* name) {
    const auto found = body.find(name);
    return found != body.end() && found->is_array() && !found->empty() ? &*found : nullptr;
  };
  if (const auto* messages = list("messages")) return MessagesIn(*messages);
  if (const auto* choices = list("choices")) {
    const OrderedJson& choice = choices->front();
    if (choice.is_object() && choice.contains("message") && IsMessage(choice["message"])) return {choice["message"]};
  }
  if (const auto* input = list("input")) return MessagesIn(*input);
  if (const auto* output = list("output")) return MessagesIn(*output);
  const auto request = body.find("request");
  return request == body.end() ? std::vector<OrderedJson>() : FindMessages(*request);
}

std::string TextOf(const OrderedJson& message) {
  const OrderedJson& content = message["content"];
  if (content.is_string()) return content.get<std::string>();
  if (!content.is_array()) return "";
  for (const OrderedJson& part : content) {
    if (part.is_string()) return part.get<std::string>();
    if (!part.is_object() || !part.contains("type")) continue;
    const OrderedJson& type = part["type"];
    if (type != "text" && type != "output_text") continue;
    return part.contains("text") && part["text"].is_string() ? part["text"].get<std::string>() : "";
  }
  return "";
}

}  // namespace

std::string PreviewOf(const std::string& attribute, std::string_view role) {
  std::string text;
  const auto messages = FindMessages(tracking::ParseOrdered(attribute));
  if (!messages.empty()) {
    const OrderedJson* last = &messages.back();
    for (auto message = messages.rbegin(); message != messages.rend(); ++message) {
      if ((*message)["role"] != role) continue;
      last = &*message;
      break;
    }
    text = TextOf(*last);
  }
  if (text.empty()) text = attribute;
  if (CharactersIn(text) <= kLongest) return text;
  CutTo(text, kLongest - 3);
  return text + "...";
}

}  // namespace keelson::wire::mlflow
