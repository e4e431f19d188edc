#include "wire/inference/grpc_edge_messages.h"

#include <set>

#include "base/protobuf.h"
#include "wire/inference/grpc_replies.h"

namespace keelson::wire::inference {
namespace {

// The field that `reader` stands at, as a replica of ours writes it.
void Copy(const ProtoReader& reader, ProtoWriter& writer) {
  const auto field = static_cast<std::uint32_t>(reader.key() >> 3);
  if (reader.key() == ProtoVarint(field)) writer.Element(field, reader.number());
  if (reader.key() == ProtoBytes(field)) writer.Bytes(field, reader.bytes());
}

// Of an input's description, in a ModelMetadataResponse or a ModelConfig.
std::string NameOf(std::string_view input) {
  std::string name;
  ProtoReader reader(input);
  while (reader.Next()) {
    if (reader.key() == ProtoBytes(1)) name.assign(reader.bytes());
  }
  return name;
}

// Takes over the inputs that are asked for, and then tells the keys that are not among them.
class AskedInputs {
 public:
  explicit AskedInputs(const EndpointFeatures& features) : features_(features) {}
  bool Takes(std::string_view input) {
    std::string name = NameOf(input);
    if (features_.Splices(name)) return false;
    names_.insert(std::move(name));
    return true;
  }
  std::vector<serving::TensorInfo> Rest() const {
    std::vector<serving::TensorInfo> rest;
    if (features_.names.empty()) return rest;
    for (const auto& key : features_.keys) {
      if (!names_.contains(key.name)) rest.push_back({key.name, DatatypeOfKey(key.type), {-1}});
    }
    return rest;
  }

 private:
  const EndpointFeatures& features_;
  std::set<std::string> names_;
};

}  // namespace

void AppendFeatures(const std::vector<std::string>& names, std::size_t rows, const std::vector<double>& values,
                    bool raw, std::string* request) {
  ProtoWriter writer(request);
  std::vector<std::string> contents(names.size());
  for (std::size_t k = 0; k < names.size(); ++k) {
    Tensor column;
    column.shape = {static_cast<std::int64_t>(rows)};
    for (std::size_t row = 0; row < rows; ++row) {
      column.floats.push_back(static_cast<float>(values[row * names.size() + k]));
    }
    WriteBinary(column, &contents[k]);  // which packed numbers of fixed size are, too
    writer.Nested(5, [&] {
      writer.Text(1, names[k]);
      writer.Text(2, DatatypeName(column.datatype));
      writer.Nested(3, [&] { writer.Varint(rows); });
      if (!raw) writer.Nested(5, [&] { writer.Bytes(6, contents[k]); });
    });
  }
  if (!raw) return;
  for (const auto& content : contents) writer.Bytes(7, content);
}

std::string MetadataOfEndpoint(std::string_view response, const EndpointFeatures& features,
                               std::span<const std::string> versions) {
  std::string out;
  ProtoWriter writer(&out);
  AskedInputs inputs(features);
  ProtoReader reader(response);
  while (reader.Next()) {
    if (reader.key() == ProtoBytes(2)) continue;  // the replica's own version
    if (reader.key() == ProtoBytes(4) && !inputs.Takes(reader.bytes())) continue;
    Copy(reader, writer);
  }
  for (const auto& version : versions) writer.Bytes(2, version);
  for (const auto& info : inputs.Rest()) AppendMetadataTensor(4, info, writer);
  return out;
}

std::string ConfigOfEndpoint(std::string_view response, const EndpointFeatures& features) {
  std::string out;
  ProtoWriter writer(&out);
  AskedInputs inputs(features);
  ProtoReader reader(response);
  while (reader.Next()) {
    if (reader.key() != ProtoBytes(1)) continue;
    writer.Nested(1, [&] {
      ProtoReader config(reader.bytes());
      while (config.Next()) {
        if (config.key() != ProtoBytes(5) || inputs.Takes(config.bytes())) Copy(config, writer);
      }
      for (const auto& info : inputs.Rest()) AppendConfigInput(info, writer);
    });
  }
  return out;
}

}  // namespace keelson::wire::inference
