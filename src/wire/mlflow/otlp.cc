#include "wire/mlflow/otlp.h"

#include <bit>

#include "base/protobuf.h"

namespace keelson::wire::mlflow {
namespace {

using tracking::OrderedJson;

constexpr int kDeepest = 32;         // values within values
constexpr std::size_t kMost = 4000;  // attributes: what is added to them must fit, too
static_assert(kMost + 50 < tracking::kWidestJson);

std::unexpected<Error> Malformed() {
  return Fail(ErrorCode::kInvalidArgument, "Invalid OpenTelemetry format");
}

constexpr std::uint64_t Fixed64(std::uint32_t field) {
  return ProtoKey(field, ProtoType::kFixed64);
}

// Each reads one message; false when it is malformed.
bool ReadPair(std::string_view bytes, int depth, OtlpAttributeList& to);

bool ReadArray(std::string_view bytes, int depth, OrderedJson& value);

bool ReadAny(std::string_view bytes, int depth, OrderedJson& value) {
  if (depth > kDeepest) return false;
  ProtoReader reader(bytes);
  while (reader.Next()) {
    switch (reader.key()) {
      case ProtoBytes(1): {
        std::string text;
        if (!reader.Text(&text)) return false;
        value = std::move(text);
        break;
      }
      case ProtoVarint(2):
        value = reader.number() != 0;
        break;
      case ProtoVarint(3):
        value = static_cast<std::int64_t>(reader.number());
        break;
      case Fixed64(4):
        value = std::bit_cast<double>(reader.number());
        break;
      case ProtoBytes(5):
        if (!ReadArray(reader.bytes(), depth, value)) return false;
        break;
      case ProtoBytes(6): {
        OtlpAttributeList pairs;
        ProtoReader inner(reader.bytes());
        while (inner.Next()) {
          if (inner.key() == ProtoBytes(1) && !ReadPair(inner.bytes(), depth + 1, pairs)) return false;
        }
        if (!inner.ok()) return false;
        value = ToObject(pairs.Take());
        break;
      }
      case ProtoBytes(7):
        value = OrderedJson::binary({reader.bytes().begin(), reader.bytes().end()});
        break;
      default:
        break;
    }
  }
  return reader.ok();
}

bool ReadArray(std::string_view bytes, int depth, OrderedJson& value) {
  value = OrderedJson::array();
  ProtoReader reader(bytes);
  while (reader.Next()) {
    if (reader.key() != ProtoBytes(1)) continue;
    OrderedJson each;
    if (!ReadAny(reader.bytes(), depth + 1, each)) return false;
    value.push_back(std::move(each));
  }
  return reader.ok();
}

bool ReadPair(std::string_view bytes, int depth, OtlpAttributeList& to) {
  std::string key;
  OrderedJson value;
  ProtoReader reader(bytes);
  while (reader.Next()) {
    if (reader.key() == ProtoBytes(1) && !reader.Text(&key)) return false;
    if (reader.key() == ProtoBytes(2) && !ReadAny(reader.bytes(), depth, value)) return false;
  }
  return reader.ok() && to.Add(std::move(key), std::move(value));
}

bool ReadEvent(std::string_view bytes, OtlpEvent& event) {
  OtlpAttributeList attributes;
  ProtoReader reader(bytes);
  while (reader.Next()) {
    if (reader.key() == Fixed64(1)) event.time_ns = reader.number();
    if (reader.key() == ProtoBytes(2) && !reader.Text(&event.name)) return false;
    if (reader.key() == ProtoBytes(3) && !ReadPair(reader.bytes(), 0, attributes)) return false;
  }
  event.attributes = attributes.Take();
  return reader.ok();
}

bool ReadLink(std::string_view bytes, OtlpLink& link) {
  OtlpAttributeList attributes;
  ProtoReader reader(bytes);
  while (reader.Next()) {
    if (reader.key() == ProtoBytes(1)) link.trace_id = reader.bytes();
    if (reader.key() == ProtoBytes(2)) link.span_id = reader.bytes();
    if (reader.key() == ProtoBytes(4) && !ReadPair(reader.bytes(), 0, attributes)) return false;
  }
  link.attributes = attributes.Take();
  return reader.ok();
}

bool ReadStatus(std::string_view bytes, OtlpSpan& span) {
  ProtoReader reader(bytes);
  while (reader.Next()) {
    if (reader.key() == ProtoBytes(2) && !reader.Text(&span.message)) return false;
    if (reader.key() == ProtoVarint(3)) span.status = static_cast<int>(reader.number() & 0xff);
  }
  return reader.ok();
}

bool ReadSpan(std::string_view bytes, OtlpSpan& span) {
  OtlpAttributeList attributes;
  ProtoReader reader(bytes);
  while (reader.Next()) {
    switch (reader.key()) {
      case ProtoBytes(1):
        span.trace_id = reader.bytes();
        break;
      case ProtoBytes(2):
        span.span_id = reader.bytes();
        break;
      case ProtoBytes(4):
        span.parent_id = reader.bytes();
        break;
      case ProtoBytes(5):
        if (!reader.Text(&span.name)) return false;
        break;
      case Fixed64(7):
        span.started_ns = reader.number();
        break;
      case Fixed64(8):
        span.ended_ns = reader.number();
        break;
      case ProtoBytes(9):
        if (!ReadPair(reader.bytes(), 0, attributes)) return false;
        break;
      case ProtoBytes(11):
        if (!ReadEvent(reader.bytes(), span.events.emplace_back())) return false;
        break;
      case ProtoBytes(13):
        if (!ReadLink(reader.bytes(), span.links.emplace_back())) return false;
        break;
      case ProtoBytes(15):
        if (!ReadStatus(reader.bytes(), span)) return false;
        break;
      default:
        break;
    }
  }
  span.attributes = attributes.Take();
  return reader.ok();
}

bool ReadScope(std::string_view bytes, OtlpResource& resource) {
  ProtoReader reader(bytes);
  while (reader.Next()) {
    if (reader.key() == ProtoBytes(2) && !ReadSpan(reader.bytes(), resource.spans.emplace_back())) return false;
  }
  return reader.ok();
}

bool ReadResourceSpans(std::string_view bytes, OtlpResource& resource) {
  OtlpAttributeList attributes;
  ProtoReader reader(bytes);
  while (reader.Next()) {
    if (reader.key() == ProtoBytes(1)) {
      ProtoReader inner(reader.bytes());
      while (inner.Next()) {
        if (inner.key() == ProtoBytes(1) && !ReadPair(inner.bytes(), 0, attributes)) return false;
      }
      if (!inner.ok()) return false;
    }
    if (reader.key() == ProtoBytes(2) && !ReadScope(reader.bytes(), resource)) return false;
  }
  resource.attributes = attributes.Take();
  return reader.ok();
}

}  // namespace

bool OtlpAttributeList::Add(std::string key, OrderedJson value) {
  const auto [found, is_new] = places_.emplace(key, pairs_.size());
  if (!is_new) {
    pairs_[found->second].second = std::move(value);
    return true;
  }
  pairs_.emplace_back(std::move(key), std::move(value));
  return pairs_.size() <= kMost;
}

OrderedJson ToObject(OtlpAttributes pairs) {
  OrderedJson object = OrderedJson::object();
  // The keys differ: they need not be looked for.
  auto& members = static_cast<OrderedJson::object_t::Container&>(object.get_ref<OrderedJson::object_t&>());
  for (auto& [key, value] : pairs) members.emplace_back(std::move(key), std::move(value));
  return object;
}

Result<std::vector<OtlpResource>> ParseOtlp(std::string_view protobuf) {
  std::vector<OtlpResource> resources;
  ProtoReader reader(protobuf);
  while (reader.Next()) {
    if (reader.key() == ProtoBytes(1) && !ReadResourceSpans(reader.bytes(), resources.emplace_back())) {
      return Malformed();
    }
  }
  if (!reader.ok()) return Malformed();
  return resources;
}

}  // namespace keelson::wire::mlflow
