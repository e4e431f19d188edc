#include "bench/serving/onnx_peer.h"

#include <fmt/core.h>

#include <cstdint>
#include <cstdlib>

#include "io/files.h"

namespace keelson::bench {
namespace {

[[noreturn]] void Die(const std::string& message) {
  fmt::print(stderr, "{}\n", message);
  std::exit(1);
}

// Protobuf's wire form, as far as an ONNX model needs it.
class Message {
 public:
  Message& Number(std::uint32_t field, std::uint64_t value) {
    Varint(field << 3);
    Varint(value);
    return *this;
  }
  Message& Text(std::uint32_t field, std::string_view value) {
    Varint((field << 3) | 2u);
    Varint(value.size());
    bytes_.append(value);
    return *this;
  }
  Message& Add(std::uint32_t field, const Message& message) { return Text(field, message.bytes_); }
  Message& Numbers(std::uint32_t field, const std::vector<std::int64_t>& values) {
    Message packed;
    for (const auto value : values) packed.Varint(static_cast<std::uint64_t>(value));
    return Add(field, packed);
  }
  Message& Floats(std::uint32_t field, const std::vector<float>& values) {
    return Text(field, {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)});
  }
  const std::string& bytes() const { return bytes_; }

 private:
  void Varint(std::uint64_t value) {
    for (; value >= 128; value >>= 7) bytes_.push_back(static_cast<char>(value | 128u));
    bytes_.push_back(static_cast<char>(value));
  }
  std::string bytes_;
};

Message Attribute(std::string_view name, const std::vector<std::int64_t>& values) {
  return Message().Text(1, name).Numbers(8, values).Number(20, 7);
}
Message Attribute(std::string_view name, const std::vector<float>& values) {
  return Message().Text(1, name).Floats(7, values).Number(20, 6);
}
Message Attribute(std::string_view name, const std::vector<std::string>& values) {
  Message attribute;
  attribute.Text(1, name);
  for (const auto& value : values) attribute.Text(9, value);
  return attribute.Number(20, 8);
}

Message ValueInfo(std::string_view name, std::uint64_t columns) {
  const Message shape = Message().Add(1, Message().Text(2, "n")).Add(1, Message().Number(1, columns));
  return Message().Text(1, name).Add(2, Message().Add(1, Message().Number(1, 1).Add(2, shape)));
}

std::string Encode(const serving::XgboostModel& model) {
  std::vector<std::int64_t> tree, node, feature, yes, no, missing, leaf_tree, leaf_node, target;
  std::vector<float> value, weight;
  std::vector<std::string> mode;
  for (std::size_t t = 0; t < model.trees.size(); ++t) {
    const auto& each = model.trees[t];
    for (std::size_t i = 0; i < each.size(); ++i) {
      const bool leaf = each.is_leaf(i);
      tree.push_back(static_cast<std::int64_t>(t));
      node.push_back(static_cast<std::int64_t>(i));
      mode.emplace_back(leaf ? "LEAF" : "BRANCH_LT");
      feature.push_back(leaf ? 0 : each.feature[i]);
      value.push_back(leaf ? 0 : each.value[i]);
      yes.push_back(leaf ? 0 : each.left[i]);
      no.push_back(leaf ? 0 : each.right[i]);
      missing.push_back(leaf ? 0 : each.default_left[i]);
      if (!leaf) continue;
      leaf_tree.push_back(static_cast<std::int64_t>(t));
      leaf_node.push_back(static_cast<std::int64_t>(i));
      target.push_back(0);
      weight.push_back(each.value[i]);
    }
  }
  const Message ensemble = Message()
                               .Text(1, "x")
                               .Text(2, "y")
                               .Text(4, "TreeEnsembleRegressor")
                               .Add(5, Attribute("nodes_treeids", tree))
                               .Add(5, Attribute("nodes_nodeids", node))
                               .Add(5, Attribute("nodes_modes", mode))
                               .Add(5, Attribute("nodes_featureids", feature))
                               .Add(5, Attribute("nodes_values", value))
                               .Add(5, Attribute("nodes_truenodeids", yes))
                               .Add(5, Attribute("nodes_falsenodeids", no))
                               .Add(5, Attribute("nodes_missing_value_tracks_true", missing))
                               .Add(5, Attribute("target_treeids", leaf_tree))
                               .Add(5, Attribute("target_nodeids", leaf_node))
                               .Add(5, Attribute("target_ids", target))
                               .Add(5, Attribute("target_weights", weight))
                               .Add(5, Attribute("base_values", model.base_margin))
                               .Add(5, Message().Text(1, "n_targets").Number(3, 1).Number(20, 2))
                               .Text(7, "ai.onnx.ml");
  const Message graph =
      Message().Add(1, ensemble).Text(2, "trees").Add(11, ValueInfo("x", model.features)).Add(12, ValueInfo("y", 1));
  return Message()
      .Number(1, 8)
      .Add(7, graph)
      .Add(8, Message().Text(1, "").Number(2, 17))
      .Add(8, Message().Text(1, "ai.onnx.ml").Number(2, 3))
      .bytes();
}

}  // namespace

OnnxPeer::OnnxPeer(const serving::XgboostModel& model) : features_(model.features) {
  const auto runtime = serving::OpenOnnxRuntime();
  if (!runtime) Die(runtime.error().ToString());
  runtime_ = *runtime;
  const auto& api = runtime_->api;
  const auto folder = io::TempFolder::Make();
  const std::string path = folder ? folder->File("model.onnx") : "";
  if (!folder || !io::WriteFileAtomically(path, Encode(model))) Die("the ONNX model cannot be written");
  serving::OnnxApi::OrtSessionOptions* options = nullptr;
  Check(api.CreateSessionOptions(&options));
  Check(api.SetIntraOpNumThreads(options, 1));
  Check(api.SetInterOpNumThreads(options, 1));
  Check(api.CreateSession(runtime_->env, path.c_str(), options, &session_));
  api.ReleaseSessionOptions(options);
  Check(api.CreateCpuMemoryInfo(serving::OnnxApi::kDeviceAllocator, serving::OnnxApi::kDefaultMemory, &memory_));
}

OnnxPeer::~OnnxPeer() {
  const auto& api = runtime_->api;
  if (output_ != nullptr) api.ReleaseValue(output_);
  api.ReleaseMemoryInfo(memory_);
  api.ReleaseSession(session_);
}

void OnnxPeer::Check(serving::OnnxApi::OrtStatus* status) const {
  if (const auto checked = runtime_->api.Check(status, ErrorCode::kInternal); !checked) Die(checked.error().ToString());
}

std::span<const float> OnnxPeer::Predict(std::span<const float> rows, std::size_t count) {
  const auto& api = runtime_->api;
  if (output_ != nullptr) api.ReleaseValue(output_);
  output_ = nullptr;
  const std::int64_t shape[] = {static_cast<std::int64_t>(count), static_cast<std::int64_t>(features_)};
  serving::OnnxApi::OrtValue* input = nullptr;
  Check(api.CreateTensorWithDataAsOrtValue(memory_, const_cast<float*>(rows.data()), rows.size_bytes(), shape, 2,
                                           /*FLOAT*/ 1, &input));
  const char* const input_name = "x";
  const char* const output_name = "y";
  Check(api.Run(session_, nullptr, &input_name, &input, 1, &output_name, 1, &output_));
  api.ReleaseValue(input);
  void* data = nullptr;
  Check(api.GetTensorMutableData(output_, &data));
  return {static_cast<const float*>(data), count};
}

}  // namespace keelson::bench
