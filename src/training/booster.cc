#include "training/booster.h"

#include <fmt/format.h>

#include "base/strings.h"

namespace keelson::training {

Result<Booster> Booster::Make(const XgboostApi& api, const std::vector<const DMatrix*>& cached) {
  std::vector<XgboostApi::Handle> handles;
  for (const DMatrix* matrix : cached) handles.push_back(matrix->handle());
  XgboostApi::Handle handle = nullptr;
  KEELSON_RETURN_IF_ERROR(api.Check(api.BoosterCreate(handles.data(), handles.size(), &handle)));
  return Booster(api, handle);
}

Booster::Booster(Booster&& other) noexcept : api_(other.api_), handle_(std::exchange(other.handle_, nullptr)) {}

Booster& Booster::operator=(Booster&& other) noexcept {
  std::swap(api_, other.api_);
  std::swap(handle_, other.handle_);
  return *this;
}

Booster::~Booster() {
  if (handle_ != nullptr) api_->BoosterFree(handle_);
}

Status Booster::Set(const std::string& name, const std::string& value) {
  return api_->Check(api_->BoosterSetParam(handle_, name.c_str(), value.c_str()));
}

Status Booster::ForgetSampling(const std::string& tree_method) {
  KEELSON_RETURN_IF_ERROR(Set("tree_method", tree_method == "approx" ? "hist" : "approx"));
  KEELSON_RETURN_IF_ERROR(Rounds());  // applies the parameter, and with it lets the old builder go
  return Set("tree_method", tree_method);
}

Status Booster::Update(int round, const DMatrix& train) {
  return api_->Check(api_->BoosterUpdateOneIter(handle_, round, train.handle()));
}

Result<std::map<std::string, double>> Booster::Evaluate(int round,
                                                        const std::vector<std::pair<const DMatrix*, const char*>>& on) {
  std::vector<XgboostApi::Handle> handles;
  std::vector<const char*> names;
  for (const auto& [matrix, name] : on) {
    handles.push_back(matrix->handle());
    names.push_back(name);
  }
  const char* text = nullptr;
  KEELSON_RETURN_IF_ERROR(
      api_->Check(api_->BoosterEvalOneIter(handle_, round, handles.data(), names.data(), handles.size(), &text)));
  std::map<std::string, double> metrics;  // the text is "[7]\ttrain-logloss:0.51\teval-logloss:0.55"
  for (const std::string_view part : Split(text, '\t')) {
    const auto colon = part.rfind(':');
    if (part.starts_with('[') || colon == std::string_view::npos) continue;
    if (const auto value = ParseDouble(part.substr(colon + 1))) metrics[std::string(part.substr(0, colon))] = *value;
  }
  return metrics;
}

Result<std::vector<float>> Booster::Predict(const DMatrix& matrix) {
  constexpr const char* kConfig =
      R"({"type": 0, "training": false, "iteration_begin": 0, "iteration_end": 0, "strict_shape": false})";
  const XgboostApi::Size* shape = nullptr;
  XgboostApi::Size dimensions = 0;
  const float* scores = nullptr;
  KEELSON_RETURN_IF_ERROR(
      api_->Check(api_->BoosterPredictFromDMatrix(handle_, matrix.handle(), kConfig, &shape, &dimensions, &scores)));
  if (dimensions > 1 && shape[1] > 1) {
    return Fail(ErrorCode::kUnsupported, fmt::format("the model has {} outputs a row; one is expected", shape[1]));
  }
  return std::vector<float>(scores, scores + shape[0]);
}

Result<std::string> Booster::Save() {
  XgboostApi::Size size = 0;
  const char* bytes = nullptr;
  KEELSON_RETURN_IF_ERROR(api_->Check(api_->BoosterSaveModelToBuffer(handle_, R"({"format": "ubj"})", &size, &bytes)));
  return std::string(bytes, size);
}

Status Booster::Load(std::string_view bytes) {
  if (bytes.size() < 2 || bytes.front() != '{') return Fail(ErrorCode::kDataLoss, "this is no XGBoost model");
  const Status loaded = api_->Check(api_->BoosterLoadModelFromBuffer(handle_, bytes.data(), bytes.size()));
  if (!loaded.has_value()) return Fail(ErrorCode::kDataLoss, "the model cannot be read: " + loaded.error().message);
  return {};
}

Result<int> Booster::Rounds() {
  int rounds = 0;
  KEELSON_RETURN_IF_ERROR(api_->Check(api_->BoosterBoostedRounds(handle_, &rounds)));
  return rounds;
}

Result<std::size_t> Booster::Features() {
  XgboostApi::Size features = 0;
  KEELSON_RETURN_IF_ERROR(api_->Check(api_->BoosterGetNumFeature(handle_, &features)));
  return static_cast<std::size_t>(features);
}

Status Booster::SetFeatures(const Matrix& matrix) {
  const auto set = [&](const char* field, const std::vector<std::string>& values) -> Status {
    std::vector<const char*> pointers;
    for (const std::string& value : values) pointers.push_back(value.c_str());
    return api_->Check(api_->BoosterSetStrFeatureInfo(handle_, field, pointers.data(), pointers.size()));
  };
  KEELSON_RETURN_IF_ERROR(set("feature_name", matrix.names));
  return set("feature_type", matrix.types.empty() ? std::vector<std::string>(matrix.columns(), "float") : matrix.types);
}

Result<std::vector<std::string>> Booster::FeatureNames() {
  XgboostApi::Size count = 0;
  const char** names = nullptr;
  KEELSON_RETURN_IF_ERROR(api_->Check(api_->BoosterGetStrFeatureInfo(handle_, "feature_name", &count, &names)));
  return std::vector<std::string>(names, names + count);
}

Result<std::map<std::string, double>> Booster::Gain() {
  XgboostApi::Size features = 0, dimensions = 0;
  const char** names = nullptr;
  const XgboostApi::Size* shape = nullptr;
  const float* scores = nullptr;
  KEELSON_RETURN_IF_ERROR(api_->Check(api_->BoosterFeatureScore(handle_, R"({"importance_type": "total_gain"})",
                                                                &features, &names, &dimensions, &shape, &scores)));
  std::map<std::string, double> gain;
  for (XgboostApi::Size i = 0; i < features; ++i) gain[names[i]] = scores[i];
  return gain;
}

Result<std::vector<float>> PredictWith(std::string_view model, const Matrix& matrix, int threads) {
  KEELSON_ASSIGN_OR_RETURN(const XgboostApi* const api, OpenXgboost());
  KEELSON_ASSIGN_OR_RETURN(const DMatrix data, DMatrix::Make(*api, matrix, threads));
  KEELSON_ASSIGN_OR_RETURN(Booster booster, Booster::Make(*api));
  KEELSON_RETURN_IF_ERROR(booster.Load(model));
  KEELSON_ASSIGN_OR_RETURN(const std::vector<std::string> names, booster.FeatureNames());
  if (names != matrix.names) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("the model's columns are {}; the data's are {}",
                                                         Join(names, ", "), Join(matrix.names, ", ")));
  }
  KEELSON_RETURN_IF_ERROR(booster.Set("nthread", std::to_string(threads)));
  return booster.Predict(data);
}

}  // namespace keelson::training
