#include "io/s3_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "base/strings.h"
#include "io/files.h"
#include "io/http_sockets.h"

namespace keelson::io {
namespace {

constexpr std::size_t kConfigBytes = 1u << 20;

std::optional<std::string> First(const Environment& environment, std::initializer_list<const char*> names,
                                 std::string& found_in) {
  for (const char* name : names) {
    if (auto value = environment(name)) {
      found_in = name;
      return value;
    }
  }
  return std::nullopt;
}

std::string ProfileOf(const Environment& environment) {
  return environment("AWS_PROFILE").value_or("default");
}

// The file of that variable, or the usual one in the home folder; "" when there is neither.
std::string FileOf(const Environment& environment, const char* variable, const char* usual) {
  if (const auto named = environment(variable)) return *named;
  const auto home = environment("HOME");
  return home ? *home + "/.aws/" + usual : "";
}

// A key of a section of an INI file as AWS's tools write it; nested settings, which are indented, are not looked at.
std::string IniValue(std::string_view text, std::string_view section, std::string_view key) {
  bool inside = false;
  for (const std::string_view line : Split(text, '\n')) {
    if (line.starts_with(' ') || line.starts_with('\t') || line.starts_with('#') || line.starts_with(';')) continue;
    const std::string_view trimmed = Trim(line);
    if (trimmed.starts_with('[') && trimmed.ends_with(']')) {
      inside = Trim(trimmed.substr(1, trimmed.size() - 2)) == section;
      continue;
    }
    const std::size_t equals = trimmed.find('=');
    if (!inside || equals == std::string_view::npos) continue;
    if (ToLower(Trim(trimmed.substr(0, equals))) == key) return std::string(Trim(trimmed.substr(equals + 1)));
  }
  return "";
}

std::string RegionOf(const Environment& environment) {
  std::string variable;
  if (auto region = First(environment, {"AWS_REGION", "AWS_DEFAULT_REGION"}, variable)) return *region;
  const std::string profile = ProfileOf(environment);
  const auto file = ReadFile(FileOf(environment, "AWS_CONFIG_FILE", "config"), kConfigBytes);
  std::string region = file ? IniValue(*file, profile == "default" ? profile : "profile " + profile, "region") : "";
  return region.empty() ? "us-east-1" : region;
}

bool IsHostLabel(std::string_view text) {
  return !text.empty() &&
         std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
}

}  // namespace

Environment ProcessEnvironment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* const value = std::getenv(name.c_str());
    if (value == nullptr || *value == '\0') return std::nullopt;
    return value;
  };
}

Result<S3Place> ParseS3Place(std::string_view url) {
  const auto refuse = [&](std::string_view why) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("{}; expected s3://bucket/prefix", why), std::string(url));
  };
  constexpr std::string_view kScheme = "s3://";
  if (!url.starts_with(kScheme)) return refuse("this is no place in an object store");
  const std::string_view rest = url.substr(kScheme.size());
  S3Place place;
  place.bucket = rest.substr(0, rest.find('/'));
  if (place.bucket.size() < 3 || place.bucket.size() > 63 || place.bucket.starts_with('.') ||
      place.bucket.ends_with('.') ||
      !std::ranges::all_of(Split(place.bucket, '.'), [](std::string_view label) { return IsHostLabel(label); })) {
    return refuse("a bucket's name is 3 to 63 lower-case letters, digits, dots and hyphens");
  }
  std::string_view prefix = rest.substr(std::min(place.bucket.size() + 1, rest.size()));
  if (prefix.ends_with('/')) prefix.remove_suffix(1);
  for (const std::string_view part : Split(prefix, '/')) {
    if (prefix.empty()) break;
    if (part.empty() || part == "." || part == "..") return refuse("a prefix has no empty parts, \".\" or \"..\"");
  }
  if (!IsValidUtf8(prefix) || std::ranges::any_of(prefix, [](char c) { return c >= 0 && c < ' '; })) {
    return refuse("the prefix has a character that is none of a path");
  }
  place.prefix = prefix;
  return place;
}

std::string S3Bucket::PathOf(std::string_view key) const {
  return path_style ? fmt::format("/{}/{}", name, key) : fmt::format("/{}", key);
}

std::string S3Bucket::host() const {
  return HostHeader(target);
}

std::string S3Bucket::address() const {
  return TargetName(target);
}

Result<S3Bucket> FindS3Bucket(const std::string& bucket, const Environment& environment) {
  S3Bucket found{.name = bucket, .region = RegionOf(environment)};
  if (!IsHostLabel(found.region)) {
    return Fail(ErrorCode::kInvalidArgument, "AWS_REGION is the name of a region, as \"eu-central-1\"", found.region);
  }
  std::string variable;
  const auto endpoint =
      First(environment, {"MLFLOW_S3_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"}, variable);
  auto target = ParseHttpTarget(endpoint.value_or(fmt::format("https://s3.{}.amazonaws.com", found.region)));
  if (!target) return Fail(target.error().code, variable + ": " + target.error().message, target.error().where);
  found.target = *std::move(target);
  const std::string style = environment("MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE").value_or("auto");
  if (style != "auto" && style != "path" && style != "virtual") {
    return Fail(ErrorCode::kInvalidArgument, "MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE is auto, path or virtual", style);
  }
  found.path_style = style == "path" || (style == "auto" && (endpoint.has_value() || bucket.contains('.')));
  if (!found.path_style) {
    if (!found.target.unix_socket.empty()) {
      return Fail(ErrorCode::kInvalidArgument, "a Unix socket has no host's name for a bucket to be a part of", style);
    }
    found.target.host = bucket + "." + found.target.host;
  }
  return found;
}

Result<S3Credentials> ReadS3Credentials(const Environment& environment) {
  const auto access_key = environment("AWS_ACCESS_KEY_ID");
  const auto secret_key = environment("AWS_SECRET_ACCESS_KEY");
  if (access_key.has_value() != secret_key.has_value()) {
    return Fail(ErrorCode::kUnauthenticated, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are given together",
                access_key ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID");
  }
  if (access_key) return S3Credentials{*access_key, *secret_key, environment("AWS_SESSION_TOKEN").value_or("")};
  const std::string path = FileOf(environment, "AWS_SHARED_CREDENTIALS_FILE", "credentials");
  const std::string profile = ProfileOf(environment);
  const auto file = ReadFile(path, kConfigBytes);
  S3Credentials found;
  if (file) {
    found = {IniValue(*file, profile, "aws_access_key_id"), IniValue(*file, profile, "aws_secret_access_key"),
             IniValue(*file, profile, "aws_session_token")};
  }
  if (!found.access_key.empty() && !found.secret_key.empty()) return found;
  const std::string why = file ? fmt::format("the profile \"{}\" has no keys", profile) : file.error().message;
  return Fail(ErrorCode::kUnauthenticated,
              fmt::format("no keys of the object store: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or write them "
                          "into ~/.aws/credentials ({})",
                          why),
              path);
}

}  // namespace keelson::io
