#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/result.h"
#include "training/matrix.h"

namespace keelson::training {

struct TrainProgress {
  int round = 0;  // rounds done
  int rounds = 0;
  std::map<std::string, double> metrics;  // "train-logloss", "eval-auc", ...; empty in rounds that were not measured
};

struct TrainRequest {
  const Matrix* train = nullptr;                  // with labels
  const Matrix* eval = nullptr;                   // may be missing: then nothing is measured on data not trained on
  std::map<std::string, std::string> parameters;  // as the library names them: "max_depth", "eta", ...
  int rounds = 200;
  std::uint64_t seed = 1;
  int threads = 1;                // the CPU request, in whole cores
  int checkpoint_every = 0;       // rounds; 0 or no folder: no checkpoints
  std::string checkpoint_folder;  // made when it is not there
  int evaluate_every = 25;        // rounds; 0: never. The last round is always measured when `eval` is given
  std::function<void(const TrainProgress&)> progress;  // after each round, on the calling thread; may be empty
  std::function<bool()> cancelled;                     // asked before each round; may be empty
};

struct TrainResult {
  std::string model;  // UBJSON
  int rounds = 0;
  int resumed_from = 0;                   // rounds that a checkpoint saved; 0: from the start
  std::map<std::string, double> metrics;  // of the last round
  std::map<std::string, double> gain;     // total gain by feature
};

// Makes a model of a matrix. Deterministic: equal requests give byte-equal models on one machine, however often
// training was killed and begun again with the same checkpoint folder. A checkpoint of other data, parameters or seed,
// or a damaged one, is left aside and training begins anew; one with the same but fewer rounds is gone on with, so that
// a search can give a promising trial more rounds. Use one object from one thread at a time.
class Trainer {
 public:
  virtual ~Trainer() = default;
  // kInvalidArgument: parameters or data that the library refuses, parameters it does not know. kAborted: cancelled;
  // the rounds so far are in the checkpoint.
  virtual Result<TrainResult> Train(const TrainRequest& request) = 0;
};

// XGBoost by its C API. Sets tree_method=hist (unless the parameters say otherwise), nthread, seed and
// seed_per_iteration, and the objective when the parameters have none: binary:logistic for labels that are all 0 or 1,
// else reg:squarederror. The parameters may not set nthread, n_jobs, seed, random_state, seed_per_iteration or
// verbosity. `eval_metric` may name several, separated by commas. Opens libxgboost.so at the first training.
std::unique_ptr<Trainer> MakeXgboostTrainer();

}  // namespace keelson::training
