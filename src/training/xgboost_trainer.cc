#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/hash.h"
#include "base/strings.h"
#include "training/booster.h"
#include "training/checkpoint.h"
#include "training/trainer.h"
#include "training/xgboost_library.h"

namespace keelson::training {
namespace {

using Parameters = std::vector<std::pair<std::string, std::string>>;  // in order; a name may come more than once

constexpr int kDefaultMaxBin = 256;

std::string TreeMethod(const TrainRequest& request) {
  const auto method = request.parameters.find("tree_method");
  return method == request.parameters.end() ? "hist" : method->second;
}

Result<Parameters> FullParameters(const TrainRequest& request) {
  static const std::set<std::string> kOurs = {
      "nthread", "n_jobs", "seed", "random_state", "verbosity", "seed_per_iteration", "updater", "process_type"};
  if (const auto booster = request.parameters.find("booster");
      booster != request.parameters.end() && booster->second != "gbtree" && booster->second != "dart") {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("the booster '{}' is none of trees; use gbtree or dart", booster->second), "booster");
  }
  Parameters full;
  for (const auto& [name, value] : request.parameters) {
    if (kOurs.contains(name)) {
      return Fail(ErrorCode::kInvalidArgument, fmt::format("the parameter {} is set by Keelson; leave it out", name),
                  name);
    }
    if (name == "tree_method") continue;
    if (name != "eval_metric") {
      full.emplace_back(name, value);
      continue;
    }
    for (const std::string_view metric : Split(value, ',')) full.emplace_back(name, std::string(Trim(metric)));
  }
  full.emplace_back("tree_method", TreeMethod(request));
  if (!request.parameters.contains("objective")) {
    const bool two_classes = std::all_of(request.train->labels.begin(), request.train->labels.end(),
                                         [](float label) { return label == 0 || label == 1; });
    full.emplace_back("objective", two_classes ? "binary:logistic" : "reg:squarederror");
  }
  full.emplace_back("seed", fmt::to_string(request.seed % (std::uint64_t{1} << 31)));
  full.emplace_back("seed_per_iteration",
                    "true");  // or a resumed training would sample other rows than an unbroken one
  full.emplace_back("nthread", fmt::to_string(request.threads));
  full.emplace_back("verbosity", "1");
  full.emplace_back("validate_parameters", "true");
  return full;
}

std::string Identity(const Parameters& parameters, const Matrix& train) {
  std::string text = "xgboost 1\n";
  for (const auto& [name, value] : parameters) text += fmt::format("{}={}\n", name, value);
  return Sha256::Hex(text + train.Hash());
}

// XGBoost only warns of a parameter that it does not know: `Parameters: { "max_dept" } are not used.`
Status RefuseUnusedParameters(const std::string& log) {
  const auto begin = log.find("Parameters: { ");
  if (begin == std::string::npos || log.find("not used", begin) == std::string::npos) return {};
  std::string names = log.substr(begin + 14, log.find(" }", begin) - begin - 14);
  std::erase(names, '"');
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("XGBoost does not use these parameters: {}; check their names and the booster", names),
              names);
}

// The hist method alone takes quantized data, and then with its own number of bins.
Result<DMatrix> TrainingData(const XgboostApi& api, const TrainRequest& request) {
  if (TreeMethod(request) != "hist") {
    return DMatrix::Make(api, *request.train, request.threads);
  }
  const auto max_bin = request.parameters.find("max_bin");
  if (max_bin == request.parameters.end()) {
    return DMatrix::MakeQuantized(api, *request.train, request.threads, kDefaultMaxBin);
  }
  const auto bins = ParseInt(max_bin->second);
  if (!bins || *bins < 2 || *bins > (1 << 20)) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("'{}' is no number of bins", max_bin->second), "max_bin");
  }
  return DMatrix::MakeQuantized(api, *request.train, request.threads, static_cast<int>(*bins));
}

class XgboostTrainer final : public Trainer {
 public:
  Result<TrainResult> Train(const TrainRequest& request) override {
    if (request.train == nullptr || request.train->labels.empty()) {
      return Fail(ErrorCode::kInvalidArgument, "there are no labels to train on");
    }
    if (request.rounds < 1) return Fail(ErrorCode::kInvalidArgument, "at least one round is needed", "rounds");
    if (request.threads < 1) return Fail(ErrorCode::kInvalidArgument, "at least one thread is needed", "threads");
    KEELSON_ASSIGN_OR_RETURN(const XgboostApi* const api, OpenXgboost());
    KEELSON_ASSIGN_OR_RETURN(const Parameters parameters, FullParameters(request));
    XgboostLog log(*api);

    KEELSON_ASSIGN_OR_RETURN(const DMatrix train, TrainingData(*api, request));
    std::optional<DMatrix> eval;
    if (request.eval != nullptr) {
      KEELSON_ASSIGN_OR_RETURN(eval, DMatrix::Make(*api, *request.eval, request.threads));
    }
    std::vector<const DMatrix*> cached = {&train};
    if (eval) cached.push_back(&*eval);
    KEELSON_ASSIGN_OR_RETURN(Booster booster, Booster::Make(*api, cached));

    const bool checkpoints = request.checkpoint_every > 0 && !request.checkpoint_folder.empty();
    const std::string identity = checkpoints ? Identity(parameters, *request.train) : "";
    TrainResult result;
    if (checkpoints) {
      KEELSON_ASSIGN_OR_RETURN(const std::optional<Checkpoint> found,
                               ReadCheckpoint(request.checkpoint_folder, identity, request.rounds));
      if (found) {
        KEELSON_RETURN_IF_ERROR(booster.Load(found->model));
        result.resumed_from = found->rounds;
      }
    }
    for (const auto& [name, value] : parameters) KEELSON_RETURN_IF_ERROR(booster.Set(name, value));

    KEELSON_RETURN_IF_ERROR(booster.SetFeatures(*request.train));
    int saved = result.resumed_from;
    const auto keep = [&](int rounds) -> Status {
      if (!checkpoints || rounds == saved) return {};
      Checkpoint checkpoint{rounds, {}};
      KEELSON_ASSIGN_OR_RETURN(checkpoint.model, booster.Save());
      KEELSON_RETURN_IF_ERROR(WriteCheckpoint(request.checkpoint_folder, identity, checkpoint));
      saved = rounds;
      return {};
    };

    const std::vector<std::pair<const DMatrix*, const char*>> on = MeasuredOn(train, eval);
    for (int round = result.resumed_from; round < request.rounds; ++round) {
      if (request.cancelled && request.cancelled()) {
        if (round > 0) KEELSON_RETURN_IF_ERROR(keep(round));
        return Fail(ErrorCode::kAborted, fmt::format("cancelled after {} of {} rounds", round, request.rounds));
      }
      if (round > result.resumed_from) KEELSON_RETURN_IF_ERROR(booster.ForgetSampling(TreeMethod(request)));
      KEELSON_RETURN_IF_ERROR(booster.Update(round, train));
      if (round == result.resumed_from) KEELSON_RETURN_IF_ERROR(RefuseUnusedParameters(log.Take()));
      const int done = round + 1;
      const bool last = done == request.rounds;
      TrainProgress progress{done, request.rounds, {}};
      if (last || (request.evaluate_every > 0 && done % request.evaluate_every == 0)) {
        KEELSON_ASSIGN_OR_RETURN(progress.metrics, booster.Evaluate(round, on));
        result.metrics = progress.metrics;
      }
      if (checkpoints && (last || done % request.checkpoint_every == 0)) KEELSON_RETURN_IF_ERROR(keep(done));
      if (request.progress) request.progress(progress);
    }
    if (result.resumed_from == request.rounds) {
      KEELSON_ASSIGN_OR_RETURN(result.metrics, booster.Evaluate(request.rounds - 1, on));
    }
    result.rounds = request.rounds;
    KEELSON_ASSIGN_OR_RETURN(result.model, booster.Save());
    KEELSON_ASSIGN_OR_RETURN(result.gain, booster.Gain());
    return result;
  }

 private:
  static std::vector<std::pair<const DMatrix*, const char*>> MeasuredOn(const DMatrix& train,
                                                                        const std::optional<DMatrix>& eval) {
    if (eval) return {{&*eval, "eval"}};
    return {{&train, "train"}};
  }
};

}  // namespace

std::unique_ptr<Trainer> MakeXgboostTrainer() {
  return std::make_unique<XgboostTrainer>();
}

}  // namespace keelson::training
