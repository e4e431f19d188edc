#include "sklearn/skops_reader.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "base/json_depth.h"
#include "sklearn/npy_reader.h"
#include "sklearn/zip_archive.h"

namespace keelson::sklearn {
namespace {

using Json = nlohmann::json;
using Kind = Value::Kind;

constexpr std::size_t kMaxSchema = std::size_t{64} << 20;
constexpr std::size_t kMaxArray = std::size_t{4} << 30;
constexpr std::size_t kMaxDepth = 96;  // of JSON; a tree of a forest of a pipeline is at 24

std::unexpected<Error> Bad(std::string what) {
  return Fail(ErrorCode::kInvalidArgument, std::move(what));
}
std::unexpected<Error> Unsupported(std::string what) {
  return Fail(ErrorCode::kUnsupported, std::move(what));
}

class SkopsReader {
 public:
  explicit SkopsReader(const ZipArchive& archive) : archive_(archive) {}

  Result<Document> Read() {
    std::string unpacked;
    KEELSON_ASSIGN_OR_RETURN(const auto text, archive_.Read("schema.json", kMaxSchema, &unpacked));
    if (JsonDepth(text) > kMaxDepth) return Bad("schema.json is nested too deep");
    const auto schema = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    KEELSON_ASSIGN_OR_RETURN(const Ref root, Node(schema));
    document_.SetRoot(root);
    return std::move(document_);
  }

 private:
  // A member of a node; null when there is none.
  static const Json& Member(const Json& node, const char* name) {
    static const Json kNone;
    const auto found = node.find(name);
    return found == node.end() ? kNone : *found;
  }
  static std::string TextOf(const Json& node, const char* name) {
    const Json& member = Member(node, name);
    return member.is_string() ? member.get<std::string>() : "";
  }

  Result<Ref> Node(const Json& node) {
    if (!node.is_object()) return Bad("a node that is no object");
    const std::string loader = TextOf(node, "__loader__");
    if (loader == "JsonNode") return Constant(TextOf(node, "content"));
    if (loader == "ListNode") return Elements(node, Kind::kList, "list");
    if (loader == "TupleNode") return Elements(node, Kind::kTuple, "tuple");
    if (loader == "DictNode") return Dict(node);
    if (loader == "NdArrayNode") return ArrayOf(node);
    if (loader == "DTypeNode") return TypeOf(node);
    if (loader == "TypeNode" || loader == "FunctionNode") return Global(node);
    // Objects, by their class or by how they are made again: trees, losses, generators of random numbers.
    if (loader == "ObjectNode" || node.contains("__reduce__") || loader == "RandomStateNode" ||
        loader == "RandomGeneratorNode") {
      return Object(node);
    }
    return Unsupported(fmt::format("skops' node \"{}\"", loader.substr(0, 60)));
  }

  Result<Ref> Constant(const std::string& text) {
    Value value;
    if (text == "NaN" || text == "Infinity" || text == "-Infinity") {
      value.kind = Kind::kFloat;
      value.number = text == "NaN" ? std::numeric_limits<double>::quiet_NaN()
                                   : (text[0] == '-' ? -1 : 1) * std::numeric_limits<double>::infinity();
      return document_.Add(std::move(value));
    }
    const auto json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (json.is_boolean()) {
      value.kind = Kind::kBool;
      value.integer = json.get<bool>() ? 1 : 0;
    } else if (json.is_number_float()) {
      value.kind = Kind::kFloat;
      value.number = json.get<double>();
    } else if (json.is_number_unsigned() &&
               json.get<std::uint64_t>() > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) {
      value.kind = Kind::kBigInt;
    } else if (json.is_number_integer()) {
      value.kind = Kind::kInt;
      value.integer = json.get<std::int64_t>();
    } else if (json.is_string()) {
      value.kind = Kind::kText;
      value.text = document_.Own(json.get<std::string>());
    } else if (!json.is_null()) {
      return Bad("a constant that is no JSON");
    }
    return document_.Add(std::move(value));
  }

  Result<std::vector<Ref>> Items(const Json& content) {
    if (!content.is_array()) return Bad("a node without its content");
    std::vector<Ref> items;
    for (const auto& each : content) {
      KEELSON_ASSIGN_OR_RETURN(const Ref item, Node(each));
      items.push_back(item);
    }
    return items;
  }

  // What the lists hold, one after another.
  Result<std::vector<Ref>> Inside(const std::vector<Ref>& lists) const {
    std::vector<Ref> items;
    for (const Ref ref : lists) {
      const Value& list = document_.at(ref);
      if (list.kind != Kind::kList) return Bad("an array of objects that is not as deep as its shape");
      items.insert(items.end(), list.items.begin(), list.items.end());
    }
    return items;
  }

  Result<Ref> Elements(const Json& node, Kind kind, std::string_view of) {
    if (TextOf(node, "__class__") != of) return Unsupported("a list or tuple of a class of its own");
    Value value;
    value.kind = kind;
    KEELSON_ASSIGN_OR_RETURN(value.items, Items(Member(node, "content")));
    return document_.Add(std::move(value));
  }

  // Keys are texts in JSON whatever they were; those that we look up are.
  Result<Ref> Dict(const Json& node) {
    const Json& content = Member(node, "content");
    if (!content.is_object()) return Bad("a dict without its content");
    Value value;
    value.kind = Kind::kDict;
    for (const auto& [name, each] : content.items()) {
      Value key;
      key.kind = Kind::kText;
      key.text = document_.Own(name);
      KEELSON_ASSIGN_OR_RETURN(const Ref key_ref, document_.Add(std::move(key)));
      KEELSON_ASSIGN_OR_RETURN(const Ref item, Node(each));
      value.items.push_back(key_ref);
      value.items.push_back(item);
    }
    return document_.Add(std::move(value));
  }

  Result<Ref> Global(const Json& node) {
    Value value;
    value.kind = Kind::kGlobal;
    value.text = document_.Own(TextOf(node, "__module__"));
    value.name = document_.Own(TextOf(node, "__class__"));
    return document_.Add(std::move(value));
  }

  Result<Ref> Object(const Json& node) {
    Value value;
    value.kind = Kind::kObject;
    KEELSON_ASSIGN_OR_RETURN(const Ref of, Global(node));
    value.items.push_back(of);
    if (const Json& reduce = Member(node, "__reduce__"); reduce.is_object()) {
      KEELSON_ASSIGN_OR_RETURN(const Ref arguments, Node(Member(reduce, "args")));
      const auto& given = document_.at(arguments).items;
      value.items.insert(value.items.end(), given.begin(), given.end());
    }
    if (const Json& content = Member(node, "content"); content.is_object() && content.contains("__loader__")) {
      KEELSON_ASSIGN_OR_RETURN(value.state, Node(content));
    }
    return document_.Add(std::move(value));
  }

  // Arrays, and numbers of numpy, which are arrays without dimensions under the name of their type.
  Result<Ref> ArrayOf(const Json& node) {
    if (TextOf(node, "type") == "json") {
      Array array;
      array.type = ElementType{'O', 8, {}};
      KEELSON_ASSIGN_OR_RETURN(const Ref shape, Node(Member(node, "shape")));
      for (const Ref ref : document_.at(shape).items) array.shape.push_back(document_.at(ref).integer);
      KEELSON_ASSIGN_OR_RETURN(array.items, Items(Member(node, "content")));
      for (std::size_t level = 1; level < array.shape.size(); ++level) {
        KEELSON_ASSIGN_OR_RETURN(array.items, Inside(array.items));
      }
      array.is_filled = true;
      KEELSON_RETURN_IF_ERROR(CheckFilled(array));
      return document_.AddArray(std::move(array));
    }
    KEELSON_ASSIGN_OR_RETURN(auto array, Npy(node));
    if (TextOf(node, "__class__") == "ndarray") return document_.AddArray(std::move(array));
    if (!array.shape.empty()) return Unsupported("an array of a class of its own");
    KEELSON_ASSIGN_OR_RETURN(auto value, ReadScalar(array.type, array.bytes, &document_));
    return document_.Add(std::move(value));
  }

  // An empty array of the type.
  Result<Ref> TypeOf(const Json& node) {
    const Json& content = Member(node, "content");
    if (!content.is_object()) return Bad("a type without its content");
    if (TextOf(content, "type") == "json") return document_.AddType(ElementType{'O', 8, {}});
    KEELSON_ASSIGN_OR_RETURN(const auto array, Npy(content));
    return document_.AddType(array.type);
  }

  Result<Array> Npy(const Json& node) {
    // One that stands in many places is unpacked and checked once.
    auto [found, is_new] = read_.try_emplace(TextOf(node, "file"));
    if (is_new) {
      std::string unpacked;
      KEELSON_ASSIGN_OR_RETURN(found->second, archive_.Read(found->first, kMaxArray, &unpacked));
      if (!unpacked.empty()) found->second = document_.Own(std::move(unpacked));
    }
    return ReadNpy(found->second, &document_);
  }

  const ZipArchive& archive_;
  Document document_;
  std::unordered_map<std::string, std::string_view> read_;  // members by their names
};

}  // namespace

Result<Document> ReadSkops(std::string_view bytes) {
  KEELSON_ASSIGN_OR_RETURN(const auto archive, ZipArchive::Open(bytes));
  return SkopsReader(archive).Read();
}

}  // namespace keelson::sklearn
