#include "training/xgboost_library.h"

#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "base/strings.h"
#include "io/library.h"

namespace keelson::training {
namespace {

template <typename Function>
Status Bind(void* library, const char* name, Function& slot) {
  KEELSON_ASSIGN_OR_RETURN(void* const address, io::FindSymbol(library, name));
  slot = reinterpret_cast<Function>(address);
  return {};
}

Result<XgboostApi> Load() {
  setenv("OMP_WAIT_POLICY", "PASSIVE", /*overwrite=*/0);  // libgomp reads it once, when it is loaded
  KEELSON_ASSIGN_OR_RETURN(void* const library, io::OpenLibrary("libxgboost.so"));
  XgboostApi api{};
#define KEELSON_BIND(prefix, name) KEELSON_RETURN_IF_ERROR(Bind(library, prefix #name, api.name))
  KEELSON_BIND("XGB", GetLastError);
  KEELSON_BIND("XGBoost", Version);
  KEELSON_BIND("XGB", RegisterLogCallback);
  KEELSON_BIND("XG", DMatrixCreateFromDense);
  KEELSON_BIND("XG", DMatrixFree);
  KEELSON_BIND("XG", DMatrixNumRow);
  KEELSON_BIND("XG", DMatrixNumCol);
  KEELSON_BIND("XG", DMatrixSetInfoFromInterface);
  KEELSON_BIND("XG", DMatrixSetStrFeatureInfo);
  KEELSON_BIND("XG", ProxyDMatrixCreate);
  KEELSON_BIND("XG", ProxyDMatrixSetDataDense);
  KEELSON_BIND("XG", QuantileDMatrixCreateFromCallback);
  KEELSON_BIND("XG", BoosterCreate);
  KEELSON_BIND("XG", BoosterFree);
  KEELSON_BIND("XG", BoosterSetParam);
  KEELSON_BIND("XG", BoosterUpdateOneIter);
  KEELSON_BIND("XG", BoosterEvalOneIter);
  KEELSON_BIND("XG", BoosterPredictFromDMatrix);
  KEELSON_BIND("XG", BoosterLoadModelFromBuffer);
  KEELSON_BIND("XG", BoosterSaveModelToBuffer);
  KEELSON_BIND("XG", BoosterBoostedRounds);
  KEELSON_BIND("XG", BoosterGetNumFeature);
  KEELSON_BIND("XG", BoosterSetStrFeatureInfo);
  KEELSON_BIND("XG", BoosterGetStrFeatureInfo);
  KEELSON_BIND("XG", BoosterFeatureScore);
#undef KEELSON_BIND
  return api;
}

// "[01:02:03] /build/src/tree.cc:12: Check failed: x > 0\nStack trace: ..." gives "Check failed: x > 0".
std::string Readable(std::string_view text) {
  text = text.substr(0, text.find("\nStack trace"));
  if (const auto end = text.find("] "); text.starts_with('[') && end != std::string_view::npos)
    text.remove_prefix(end + 2);
  if (const auto end = text.find(": "); text.starts_with('/') && end != std::string_view::npos)
    text.remove_prefix(end + 2);
  return std::string(Trim(text));
}

thread_local std::string collected_log;

void Collect(const char* line) {
  collected_log += line;
  collected_log += '\n';
}

void WriteToStandardError(const char* line) {
  std::fprintf(stderr, "%s\n", line);
}

}  // namespace

Status XgboostApi::Check(int code) const {
  if (code == 0) return {};
  return Fail(ErrorCode::kInvalidArgument, "XGBoost: " + Readable(GetLastError()));
}

Result<const XgboostApi*> OpenXgboost() {
  static const Result<XgboostApi> api = Load();
  if (!api.has_value()) return std::unexpected(api.error());
  return &*api;
}

XgboostLog::XgboostLog(const XgboostApi& api) : api_(api) {
  collected_log.clear();
  api_.RegisterLogCallback(&Collect);
}

XgboostLog::~XgboostLog() {
  api_.RegisterLogCallback(&WriteToStandardError);
}

std::string XgboostLog::Take() {
  return std::exchange(collected_log, {});
}

}  // namespace keelson::training
