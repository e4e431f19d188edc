#include "wire/kserve/inference_service.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

#include "project/fields.h"
#include "wire/kserve/known_fields.h"

namespace keelson::wire::kserve {
namespace {

using project::Fields;
using project::Findings;
using project::Quoted;
using project::Unit;
using project::YamlNode;

constexpr const char* kApiVersion = "serving.kserve.io/v1beta1";
constexpr const char* kKind = "InferenceService";
constexpr const char* kRuntimeVersion = "serving.kserve.io/v1alpha1";
constexpr const char* kOurRuntime = "keelson";  // kubernetes/objects/kserve_export.h
constexpr std::int64_t kMostReplicas = 1'000;   // of an endpoint (docs/project-file.md)
constexpr std::array<std::string_view, 5> kFormats = {"xgboost", "lightgbm", "onnx", "sklearn", "mlflow"};

std::string TextOf(const YamlNode& document, std::string_view name) {
  for (const auto& [key, value] : document.members) {
    if (key.text == name) return value.text;
  }
  return "";
}

bool IsOne(const YamlNode& document) {
  return TextOf(document, "kind") == kKind && TextOf(document, "apiVersion").starts_with("serving.kserve.io/");
}

// KServe's own rule for names: they become names of hosts.
bool IsName(std::string_view name) {
  const auto letter = [](char c) { return c >= 'a' && c <= 'z'; };
  const auto plain = [&](char c) { return letter(c) || (c >= '0' && c <= '9'); };
  constexpr std::size_t kLongest = 63;
  return !name.empty() && name.size() <= kLongest && letter(name.front()) && plain(name.back()) &&
         std::ranges::all_of(name, [&](char c) { return plain(c) || c == '-'; });
}

class Reading {
 public:
  explicit Reading(const std::string& file) : findings_{file, {}} {}

  Result<InferenceService> Read(std::string_view text) {
    auto documents = project::ReadDocuments(text, findings_.file);
    if (!documents) return Fail(ErrorCode::kInvalidArgument, project::ToString(documents.error()));
    const YamlNode* only = nullptr;
    for (const YamlNode& document : *documents) {
      if (TextOf(document, "kind") == "ServingRuntime" && TextOf(document, "apiVersion") == kRuntimeVersion) {
        Warn("ServingRuntime", "replicas here are Keelson's own");
      } else if (only != nullptr) {
        findings_.Add(document, "a second object in the file", "one InferenceService a file");
      } else {
        only = &document;
      }
    }
    if (only == nullptr) return Fail(ErrorCode::kInvalidArgument, "the file holds no InferenceService", findings_.file);
    Object(*only);
    KEELSON_RETURN_IF_ERROR(findings_.ToStatus());
    return std::move(service_);
  }

 private:
  void Warn(const std::string& path, std::string_view why) {
    service_.warnings.push_back(fmt::format("{}: {}", path, why));
  }

  std::string Said(Fields& fields, const std::string& name) {
    std::string text = fields.Text(name, true);
    const YamlNode* const value = fields.Take(name);
    if (value != nullptr && text.empty()) findings_.Add(*value, fmt::format("{}.{} is empty", fields.path(), name));
    return text;
  }

  // Of what the definition knows: passed over, told of, or refused.
  void Known(Fields& fields, std::span<const KnownField> known) {
    for (const KnownField& each : known) {
      const YamlNode* const value = fields.Take(std::string(each.name));
      if (value == nullptr || each.treatment == Treatment::kIgnored) continue;
      const std::string path = fmt::format("{}.{}", fields.path(), each.name);
      if (each.treatment == Treatment::kWarned) {
        Warn(path, each.why);
      } else {
        findings_.Add(*value, fmt::format("{} cannot be kept: {}", path, each.why));
      }
    }
  }

  void Object(const YamlNode& node) {
    Fields object(node, "the object", findings_);
    object.Choice("apiVersion", {kApiVersion});
    object.Choice("kind", {kKind});
    object.Ignore("status");  // the cluster's own
    if (const YamlNode* const metadata = object.Take("metadata")) {
      Metadata(*metadata);
    } else {
      findings_.Add(node, "metadata.name is missing");
    }
    if (const YamlNode* const spec = object.Take("spec")) {
      Spec(*spec);
    } else {
      findings_.Add(node, "spec.predictor is missing");
    }
    object.Done();
  }

  void Metadata(const YamlNode& node) {
    Fields metadata(node, "metadata", findings_);
    service_.name = Said(metadata, "name");
    if (!service_.name.empty() && !IsName(service_.name)) {
      findings_.Add(node, fmt::format("metadata.name is {}", Quoted(service_.name)),
                    "lower-case letters, digits and -, at most 63, a letter first");
    }
    Known(metadata, kMetadataFields);
    metadata.Done();
  }

  void Spec(const YamlNode& node) {
    Fields spec(node, "spec", findings_);
    if (const YamlNode* const predictor = spec.Take("predictor")) {
      Predictor(*predictor);
    } else {
      findings_.Add(node, "spec.predictor is missing");
    }
    Known(spec, kSpecFields);
    spec.Done();
  }

  void Predictor(const YamlNode& node) {
    Fields predictor(node, "spec.predictor", findings_);
    Replicas(predictor);
    if (const auto percent = predictor.Whole("canaryTrafficPercent", 0, 100))
      service_.canary_percent = static_cast<int>(*percent);
    int models = 0;
    if (const YamlNode* const model = predictor.Take("model")) {
      ++models;
      Model(*model, "spec.predictor.model", "");
    }
    for (const std::string_view format : kFormats) {  // as before there was "model"
      if (format == "mlflow") continue;
      const YamlNode* const model = predictor.Take(std::string(format));
      if (model == nullptr) continue;
      ++models;
      Model(*model, fmt::format("spec.predictor.{}", format), format);
    }
    if (models != 1 && node.kind == YamlNode::Kind::kMap) {
      findings_.Add(node, fmt::format("spec.predictor has {} models that can be served here", models),
                    "one: model, or one of xgboost, lightgbm, onnx, sklearn");
    }
    Known(predictor, kPredictorFields);
    predictor.Done();
  }

  void Replicas(Fields& predictor) {
    const auto least = predictor.Whole("minReplicas", 0, kMostReplicas);
    const auto most = predictor.Whole("maxReplicas", 0, kMostReplicas);
    service_.min_replicas = static_cast<int>(least.value_or(1));
    service_.max_replicas = static_cast<int>(most.value_or(0));
    if (service_.max_replicas != 0 && service_.max_replicas < service_.min_replicas) {
      findings_.Add(predictor.node(),
                    fmt::format("spec.predictor.maxReplicas is {}, less than minReplicas, which is {}",
                                service_.max_replicas, service_.min_replicas));
    }
    if (service_.max_replicas == 0) service_.max_replicas = std::max(1, service_.min_replicas);
    constexpr std::int64_t kMostTarget = 1'000'000;
    const auto target = predictor.Whole("scaleTarget", 1, kMostTarget);
    const YamlNode* const named = predictor.Take("scaleMetric");
    const std::string metric = predictor.Choice("scaleMetric", {"concurrency", "cpu", "memory", "rps"});
    if (named != nullptr && metric != "concurrency") {
      Warn(
          "spec.predictor.scaleMetric",
          fmt::format("replicas follow the requests under way (concurrency), not {}; scaleTarget is not kept", metric));
    } else if (target) {
      service_.target_concurrency = static_cast<double>(*target);
    }
  }

  void Model(const YamlNode& node, const std::string& path, std::string_view format) {
    Fields model(node, path, findings_);
    service_.format = format;
    if (format.empty()) {
      if (const YamlNode* const said = model.Take("modelFormat")) {
        Format(*said, path + ".modelFormat");
      } else if (node.kind == YamlNode::Kind::kMap) {
        findings_.Add(node, path + ".modelFormat is missing");
      }
      if (const std::string runtime = model.Text("runtime"); !runtime.empty() && runtime != kOurRuntime)
        Warn(path + ".runtime", fmt::format("{} is not asked: replicas here are Keelson's own", Quoted(runtime)));
    }
    service_.storage_uri = Said(model, "storageUri");
    model.Choice("protocolVersion", {"v2", "v1", "grpc-v2", "open-inference-grpc"});  // all are answered
    if (const YamlNode* const resources = model.Take("resources")) Resources(*resources, path + ".resources");
    Known(model, kModelFields);
    model.Done();
  }

  void Format(const YamlNode& node, const std::string& path) {
    Fields fields(node, path, findings_);
    service_.format = Said(fields, "name");
    if (!service_.format.empty() && std::ranges::find(kFormats, service_.format) == kFormats.end()) {
      findings_.Add(node, fmt::format("{}.name is {}, which cannot be served here", path, Quoted(service_.format)),
                    "one of xgboost, lightgbm, onnx, sklearn, mlflow");
    }
    if (!fields.Text("version").empty()) Warn(path + ".version", "the model's files say which it is");
    fields.Done();
  }

  void Resources(const YamlNode& node, const std::string& path) {
    Fields resources(node, path, findings_);
    if (const YamlNode* const limits = resources.Take("limits")) Amounts(*limits, path + ".limits");
    // Behind the limits: where both are said, the request is what counts here.
    if (const YamlNode* const requests = resources.Take("requests")) Amounts(*requests, path + ".requests");
    if (const YamlNode* const claims = resources.Take("claims"); claims != nullptr && !claims->items.empty())
      findings_.Add(*claims, path + ".claims cannot be kept: devices of a cluster are not here");
    resources.Done();
  }

  void Amounts(const YamlNode& node, const std::string& path) {
    Fields amounts(node, path, findings_);
    if (const auto milli = amounts.Quantity("cpu", Unit::kThousandths); milli && *milli > 0)
      service_.cpu = static_cast<double>(*milli) / 1'000;
    if (const auto bytes = amounts.Quantity("memory", Unit::kWhole); bytes && *bytes > 0)
      service_.memory_bytes = static_cast<std::uint64_t>(*bytes);
    for (const auto& [key, value] : node.members) {
      if (key.text == "cpu" || key.text == "memory") continue;
      amounts.Ignore(key.text);
      if (key.text == "ephemeral-storage") {
        Warn(path + ".ephemeral-storage", "disk is not counted");
      } else {
        findings_.Add(key, fmt::format("{}.{} cannot be kept: replicas here have cores and memory", path, key.text));
      }
    }
  }

  Findings findings_;
  InferenceService service_;
};

}  // namespace

bool IsInferenceService(std::string_view text) {
  const auto documents = project::ReadDocuments(text, "");
  return documents && std::ranges::any_of(*documents, IsOne);
}

Result<InferenceService> ReadInferenceService(std::string_view text, const std::string& file) {
  return Reading(file).Read(text);
}

}  // namespace keelson::wire::kserve
