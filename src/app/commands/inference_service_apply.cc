#include "app/commands/inference_service_apply.h"

#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <ostream>

#include "app/client/register_model.h"
#include "io/temp_folder.h"
#include "project/bundle.h"
#include "project/yaml_writer.h"

namespace keelson::app {
namespace {

using wire::kserve::InferenceService;

constexpr const char* kStorageUri = "spec.predictor.model.storageUri";
// A canary of KServe keeps its share until somebody says otherwise.
constexpr const char* kForever = "520w";

// The file or folder that a storageUri means.
Result<std::string> PathOf(const std::string& uri) {
  constexpr std::string_view kFile = "file://";
  if (uri.starts_with(kFile)) {
    const std::string path = io::PercentDecode(uri.substr(kFile.size()));
    if (path.starts_with('/')) return path;
  } else if (uri.starts_with('/')) {
    return uri;
  }
  return Fail(ErrorCode::kUnsupported,
              fmt::format("{} cannot be read here: copy the model to this machine and say file:///its/path", uri),
              kStorageUri);
}

class Applying {
 public:
  Applying(const InferenceService& service, Client client, bool dry_run, std::ostream& out)
      : service_(service), client_(std::move(client)), dry_run_(dry_run), out_(out) {}

  Status Run(const std::string& file) {
    KEELSON_ASSIGN_OR_RETURN(const std::string path, PathOf(service_.storage_uri));
    KEELSON_ASSIGN_OR_RETURN(const auto space, io::TempFolder::Make());
    const std::string folder = space.path() + "/model";
    KEELSON_RETURN_IF_ERROR(PrepareModel(path, service_.format, folder));
    if (!dry_run_ && service_.canary_percent == 0) KEELSON_RETURN_IF_ERROR(EndCanary());
    KEELSON_RETURN_IF_ERROR(ApplyProject(std::filesystem::absolute(file).parent_path().lexically_normal().string()));
    if (dry_run_) {
      KEELSON_ASSIGN_OR_RETURN(const int there, FindModelVersion(client_, service_.name, folder));
      out_ << (there == 0 ? "  + a version of the model\n" : fmt::format("  version {} has this model\n", there));
      return {};
    }
    KEELSON_ASSIGN_OR_RETURN(const auto model, RegisterModel(client_, service_.name, folder));
    out_ << fmt::format("  version {} {}\n", model.version, model.fresh ? "is registered" : "has this model already");
    return PutInService(model.version);
  }

 private:
  Status ApplyProject(const std::string& folder) {
    project::Bundle bundle;
    bundle.files[project::Bundle::kProjectFile] = ProjectFileOf(service_);
    Json body = {{"bundle", bundle.ToJson()}, {"source_folder", folder}, {"dry_run", true}};
    KEELSON_ASSIGN_OR_RETURN(const Json plan, client_.Post(kApi + "/projects", body));
    const Json& changes = plan.at("changes");
    out_ << fmt::format("endpoint {}{}\n", service_.name, changes.empty() ? ": nothing changes in its project" : ":");
    for (const Json& change : changes) {
      const auto line = change.get<std::string>();
      if (line.starts_with("- ") && !line.starts_with("- serve.")) {
        return Fail(
            ErrorCode::kFailedPrecondition,
            "there is a project of this name which is more than an endpoint; this would take away: " + line.substr(2),
            service_.name);
      }
      out_ << "  " << line << "\n";
    }
    if (dry_run_ || changes.empty()) return {};
    body["dry_run"] = false;
    KEELSON_RETURN_IF_ERROR(client_.Post(kApi + "/projects", body));
    return {};
  }

  Status PutInService(int version) {
    KEELSON_ASSIGN_OR_RETURN(const Json before, client_.Get(Place()));
    const bool first = before.at("champion").is_null();
    const int percent = service_.canary_percent.value_or(100);
    if (percent == 0 && !first && before.at("champion") != version) {
      out_ << fmt::format("  version {} gets no requests: canaryTrafficPercent is 0\n", version);
      return {};
    }
    const bool stays = before.at("champion") == version;  // and whatever was rolled out beside it ends
    const bool canary = percent < 100 && !first;
    KEELSON_RETURN_IF_ERROR(client_.Post(Place() + "/promote", {{"version", version}, {"canary", canary || stays}}));
    if (stays) {
      out_ << fmt::format("  version {} serves\n", version);
    } else if (canary) {
      out_ << fmt::format("  version {} gets {} % of the requests\n", version, percent);
    } else {
      out_ << fmt::format("  version {} serves from now on\n", version);
    }
    return {};
  }

  // Before its share is said anew: what has none gets no request meanwhile either.
  Status EndCanary() {
    const auto before = client_.Get(Place());
    if (!before && before.error().code == ErrorCode::kNotFound) return {};
    if (!before) return std::unexpected(before.error());
    if (before->at("challenger").is_null()) return {};
    out_ << fmt::format("  version {} gets no requests any more\n", before->at("challenger").dump());
    KEELSON_RETURN_IF_ERROR(client_.Post(Place() + "/rollback", Json::object()));
    return {};
  }

  std::string Place() const { return fmt::format("{}/projects/{}", kApi, service_.name); }

  const InferenceService& service_;
  Client client_;
  const bool dry_run_;
  std::ostream& out_;
};

}  // namespace

std::string ProjectFileOf(const InferenceService& service) {
  nlohmann::ordered_json serve;
  serve["replicas"] = {{"min", service.min_replicas}, {"max", service.max_replicas}};
  if (service.target_concurrency) serve["replicas"]["target"]["concurrency"] = *service.target_concurrency;
  const int percent = service.canary_percent.value_or(100);
  if (percent > 0 && percent < 100) {
    serve["canary"] = {{"steps", {percent, 100}}, {"interval", kForever}};
  } else {
    serve["canary"]["steps"] = nlohmann::ordered_json::array({100});
  }
  if (service.cpu) serve["resources"]["cpu"] = *service.cpu;
  if (service.memory_bytes) serve["resources"]["memory"] = *service.memory_bytes;
  return project::ToYaml({{"apiVersion", "keelson.dev/v1"},
                          {"kind", "Project"},
                          {"metadata", {{"name", service.name}}},
                          {"serve", std::move(serve)}});
}

Result<int> ApplyInferenceService(const InferenceService& service, const std::string& file, const ServerOptions& server,
                                  bool dry_run, Terminal& terminal) {
  for (const std::string& warning : service.warnings) terminal.err << "not kept: " << warning << "\n";
  KEELSON_ASSIGN_OR_RETURN(Client client, Client::Connect(server));
  try {
    KEELSON_RETURN_IF_ERROR(Applying(service, std::move(client), dry_run, terminal.out).Run(file));
  } catch (const Json::exception& error) {
    return Fail(ErrorCode::kInternal, fmt::format("what answers there is no Keelson server: {}", error.what()),
                service.name);
  }
  if (!dry_run) terminal.out << "applied\n";
  return kExitOk;
}

}  // namespace keelson::app
