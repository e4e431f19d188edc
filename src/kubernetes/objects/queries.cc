#include "kubernetes/objects/queries.h"

#include <fmt/format.h>

namespace keelson::kubernetes {
namespace {

constexpr const char* kRange = "5m";

// `more` are further matchers, with a comma before them.
std::string Rate(const Owner& owner, const char* metric, const char* more, const char* by) {
  return fmt::format("sum by ({}) (rate({}{{namespace=\"{}\",model=\"{}\"{}}}[{}]))", by, metric,
                     owner.settings.workspace, owner.project.name, more, kRange);
}

}  // namespace

std::string RequestRate(const Owner& owner) {
  return Rate(owner, "keelson_inference_requests_total", "", "version");
}

std::string ErrorShare(const Owner& owner) {
  return Rate(owner, "keelson_inference_requests_total", ",outcome=\"failure\"", "version") + " / " +
         RequestRate(owner);
}

std::string RefusalRate(const Owner& owner) {
  return Rate(owner, "keelson_inference_refused_total", "", "version");
}

std::string Latency(const Owner& owner, double quantile) {
  return fmt::format("histogram_quantile({}, {})", quantile,
                     Rate(owner, "keelson_inference_duration_seconds_bucket", "", "version, le"));
}

}  // namespace keelson::kubernetes
