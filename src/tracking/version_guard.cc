#include "tracking/version_guard.h"

#include <fmt/format.h>

#include <utility>

#include "tracking/search.h"

namespace keelson::tracking {
namespace {

// Of the versions those whose folder is the path, or one around it; or lies in it: between "path/" and "path0", which
// is behind all of those.
SqlText VersionsAt(const std::string& path) {
  SqlText sql;
  sql.Add("SELECT model, version FROM version WHERE lifecycle = 'active' AND content_hash != '' AND (");
  for (const char* column : {"location", "source"}) {
    for (const char* scheme : {"", "mlflow-artifacts:/"}) {
      for (std::size_t end = path.find('/'); end != std::string::npos; end = path.find('/', end + 1)) {
        sql.Add(fmt::format("{} = ? OR ", column), std::string(scheme) + path.substr(0, end));
      }
      sql.Add(fmt::format("{} = ? OR ", column), std::string(scheme) + path);
      sql.Add(fmt::format("({} > ? AND ", column), std::string(scheme) + path + "/");
      sql.Add(fmt::format("{} < ?) OR ", column), std::string(scheme) + path + "0");
    }
  }
  sql.Add("1 = 0) ORDER BY model, version LIMIT 1");
  return sql;
}

class Guard final : public ArtifactStore, public RemoteArtifacts {
 public:
  Guard(std::shared_ptr<ArtifactStore> artifacts, io::Database& database)
      : artifacts_(std::move(artifacts)), database_(database) {}

  Status Put(std::string_view path, std::string_view content) override {
    KEELSON_RETURN_IF_ERROR(Check(path));
    return artifacts_->Put(path, content);
  }
  Result<StoredArtifact> PutPieces(std::string_view path, const ArtifactPieces& next,
                                   std::optional<std::uint64_t> size) override {
    KEELSON_RETURN_IF_ERROR(Check(path));
    // Again before it takes the place of what is there: the version may have come while the client sent.
    const auto checked = [&]() -> Result<std::string_view> {
      auto piece = next();
      if (piece && piece->empty()) KEELSON_RETURN_IF_ERROR(Check(path));
      return piece;
    };
    return artifacts_->PutPieces(path, checked, size);
  }
  Status Delete(std::string_view path) override {
    KEELSON_RETURN_IF_ERROR(Check(path));
    return artifacts_->Delete(path);
  }

  Result<ArtifactContent> Open(std::string_view path) override { return artifacts_->Open(path); }
  Result<std::vector<ArtifactEntry>> List(std::string_view path) override { return artifacts_->List(path); }
  Result<std::optional<ArtifactExtent>> Measure(std::string_view path) override { return artifacts_->Measure(path); }
  Result<std::optional<std::string>> Hash(std::string_view path) override { return artifacts_->Hash(path); }
  RemoteArtifacts* remote() override { return artifacts_->remote() == nullptr ? nullptr : this; }

  Status PutFile(std::string_view path, const std::string& file) override {
    KEELSON_RETURN_IF_ERROR(Check(path));
    return artifacts_->remote()->PutFile(path, file);
  }
  Status GetFile(std::string_view path, const std::string& file) override {
    return artifacts_->remote()->GetFile(path, file);
  }
  Result<ArtifactUpload> CreateUpload(std::string_view path, int parts) override {
    KEELSON_RETURN_IF_ERROR(Check(path));
    return artifacts_->remote()->CreateUpload(path, parts);
  }
  // An upload that began before there was the version.
  Status CompleteUpload(std::string_view path, const std::string& id, const std::vector<io::S3Part>& parts) override {
    KEELSON_RETURN_IF_ERROR(Check(path));
    return artifacts_->remote()->CompleteUpload(path, id, parts);
  }
  Status AbortUpload(std::string_view path, const std::string& id) override {
    return artifacts_->remote()->AbortUpload(path, id);
  }
  Result<std::string> DownloadUrl(std::string_view path, std::chrono::seconds expires, std::uint64_t& size) override {
    return artifacts_->remote()->DownloadUrl(path, expires, size);
  }

 private:
  Status Check(std::string_view path) {
    const SqlText sql = VersionsAt(std::string(path));
    return database_.Read([&](io::SqlSession& session) -> Status {
      KEELSON_ASSIGN_OR_RETURN(const auto rows, session.Query(sql.text, sql.values));
      if (rows.empty()) return {};
      return Fail(ErrorCode::kPermissionDenied,
                  fmt::format("Model version {}/{} was registered with these files, and a version does not change: log "
                              "them elsewhere and register that, or delete the version first.",
                              io::AsText(rows[0][0]), io::AsInt(rows[0][1])));
    });
  }

  const std::shared_ptr<ArtifactStore> artifacts_;
  io::Database& database_;
};

}  // namespace

std::shared_ptr<ArtifactStore> GuardVersions(std::shared_ptr<ArtifactStore> artifacts, io::Database& database) {
  return std::make_shared<Guard>(std::move(artifacts), database);
}

}  // namespace keelson::tracking
