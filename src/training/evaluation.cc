#include "training/evaluation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace keelson::training {
namespace {

using Floats = std::span<const float>;

Status CheckRows(Floats labels, Floats scores) {
  if (labels.size() != scores.size()) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("{} labels and {} scores", labels.size(), scores.size()));
  }
  if (labels.empty()) return Fail(ErrorCode::kInvalidArgument, "there are no rows to measure");
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (!std::isfinite(labels[i]))
      return Fail(ErrorCode::kInvalidArgument, fmt::format("the label of row {} is not finite", i));
    if (!std::isfinite(scores[i]))
      return Fail(ErrorCode::kInvalidArgument, fmt::format("the score of row {} is not finite", i));
  }
  return {};
}

bool TwoClasses(Floats labels) {
  return std::all_of(labels.begin(), labels.end(), [](float label) { return label == 0 || label == 1; });
}

bool Probabilities(Floats scores) {
  return std::all_of(scores.begin(), scores.end(), [](float score) { return score >= 0 && score <= 1; });
}

Status CheckProbabilities(Floats labels, Floats scores) {
  KEELSON_RETURN_IF_ERROR(CheckRows(labels, scores));
  if (!TwoClasses(labels)) return Fail(ErrorCode::kInvalidArgument, "the labels are not all 0 or 1");
  if (!Probabilities(scores)) return Fail(ErrorCode::kInvalidArgument, "the scores are not all probabilities");
  return {};
}

template <typename Term>
double Mean(Floats labels, Floats scores, Term term) {
  double sum = 0;
  for (std::size_t i = 0; i < labels.size(); ++i)
    sum += term(static_cast<double>(labels[i]), static_cast<double>(scores[i]));
  return sum / static_cast<double>(labels.size());
}

}  // namespace

Result<double> Auc(Floats labels, Floats scores) {
  KEELSON_RETURN_IF_ERROR(CheckRows(labels, scores));
  std::vector<std::size_t> order(labels.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return scores[a] < scores[b]; });
  // Pairs (positive, negative) in the right order, counted twice so that ties stay whole numbers: exact below 2^63
  // pairs.
  std::uint64_t twice = 0, negatives_below = 0, positives = 0;
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin;
    std::uint64_t tied_positives = 0, tied_negatives = 0;
    for (; end < order.size() && scores[order[end]] == scores[order[begin]]; ++end) {
      ++(labels[order[end]] > 0 ? tied_positives : tied_negatives);
    }
    twice += tied_positives * (2 * negatives_below + tied_negatives);
    negatives_below += tied_negatives;
    positives += tied_positives;
    begin = end;
  }
  if (positives == 0 || negatives_below == 0) {
    return Fail(ErrorCode::kFailedPrecondition, "the AUC needs both classes; all labels are of one");
  }
  return static_cast<double>(twice) / (2 * static_cast<double>(positives) * static_cast<double>(negatives_below));
}

Result<double> LogLoss(Floats labels, Floats scores) {
  KEELSON_RETURN_IF_ERROR(CheckProbabilities(labels, scores));
  static constexpr double kEpsilon = 1e-15;
  return Mean(labels, scores, [](double label, double score) {
    const double p = std::clamp(score, kEpsilon, 1 - kEpsilon);
    return label > 0 ? -std::log(p) : -std::log1p(-p);
  });
}

Result<double> Accuracy(Floats labels, Floats scores) {
  KEELSON_RETURN_IF_ERROR(CheckRows(labels, scores));
  if (!TwoClasses(labels)) return Fail(ErrorCode::kInvalidArgument, "the labels are not all 0 or 1");
  return Mean(labels, scores, [](double label, double score) { return (label > 0) == (score >= 0.5) ? 1.0 : 0.0; });
}

Result<double> Rmse(Floats labels, Floats scores) {
  KEELSON_RETURN_IF_ERROR(CheckRows(labels, scores));
  return std::sqrt(Mean(labels, scores, [](double label, double score) { return (label - score) * (label - score); }));
}

Result<double> Mae(Floats labels, Floats scores) {
  KEELSON_RETURN_IF_ERROR(CheckRows(labels, scores));
  return Mean(labels, scores, [](double label, double score) { return std::abs(label - score); });
}

Result<std::vector<CalibrationBin>> Calibration(Floats labels, Floats scores, int bins) {
  KEELSON_RETURN_IF_ERROR(CheckProbabilities(labels, scores));
  if (bins < 1) return Fail(ErrorCode::kInvalidArgument, "at least one bin is needed");
  std::vector<CalibrationBin> all(static_cast<std::size_t>(bins));
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto bin = static_cast<std::size_t>(static_cast<double>(scores[i]) * bins);
    CalibrationBin& of = all[std::min(bin, all.size() - 1)];
    ++of.rows;
    of.mean_score += static_cast<double>(scores[i]);
    of.mean_label += static_cast<double>(labels[i]);
  }
  std::erase_if(all, [](const CalibrationBin& bin) { return bin.rows == 0; });
  for (CalibrationBin& bin : all) {
    bin.mean_score /= static_cast<double>(bin.rows);
    bin.mean_label /= static_cast<double>(bin.rows);
  }
  return all;
}

Result<std::map<std::string, double>> Evaluate(Floats labels, Floats scores) {
  std::map<std::string, double> metrics;
  KEELSON_ASSIGN_OR_RETURN(metrics["rmse"], Rmse(labels, scores));
  KEELSON_ASSIGN_OR_RETURN(metrics["mae"], Mae(labels, scores));
  if (!TwoClasses(labels) || !Probabilities(scores)) return metrics;
  KEELSON_ASSIGN_OR_RETURN(metrics["logloss"], LogLoss(labels, scores));
  KEELSON_ASSIGN_OR_RETURN(metrics["accuracy"], Accuracy(labels, scores));
  if (const auto auc = Auc(labels, scores); auc.has_value()) metrics["auc"] = *auc;
  return metrics;
}

bool HigherIsBetter(std::string_view metric) {
  return metric == "auc" || metric == "accuracy";
}

}  // namespace keelson::training
