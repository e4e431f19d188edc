#include "sklearn/fitted_model.h"

#include <algorithm>
#include <cmath>

namespace keelson::sklearn {
namespace {

std::size_t LargestOf(std::span<const double> scores) {
  std::size_t largest = 0;
  for (std::size_t i = 1; i < scores.size() && !std::isnan(scores[largest]); ++i) {
    if (scores[i] > scores[largest] || std::isnan(scores[i])) largest = i;
  }
  return largest;
}

double Logistic(double value) {
  return 1 / (1 + std::exp(-value));
}

void Softmax(std::span<double> scores) {
  const double most = *std::ranges::max_element(scores);
  double sum = 0;
  for (double& score : scores) {
    score = std::exp(score - most);
    sum += score;
  }
  for (double& score : scores) score /= sum;
}

// Of classes each against the rest: where all say no, all are equal.
void LogisticOfEach(std::span<double> scores) {
  double sum = 0;
  for (double& score : scores) {
    score = Logistic(score);
    sum += score;
  }
  if (sum == 0) {
    std::ranges::fill(scores, 1.0);
    sum = static_cast<double>(scores.size());
  }
  for (double& score : scores) score /= sum;
}

}  // namespace

Result<FittedModel::Answer> FittedModel::Predict(const Rows& rows) const {
  Rows at = rows;
  std::vector<double> transformed;
  for (const auto& transform : transforms_) {
    KEELSON_RETURN_IF_ERROR(transform->check().Check(at));
    if (transformed.empty()) transformed.assign(rows.values.begin(), rows.values.end());
    transform->Apply(transformed);
    at.values = transformed;
  }
  KEELSON_RETURN_IF_ERROR(check_.Check(at));
  std::vector<double> scores(at.count * scores_->width());
  scores_->Compute(at.values, scores);
  Answer answer;
  Decide(scores, at.count, &answer);
  return answer;
}

void FittedModel::Decide(std::span<const double> scores, std::size_t count, Answer* answer) const {
  const std::size_t given = scores.size() / count;
  if (labels_) {
    for (std::size_t row = 0; row < count; ++row) {
      const auto of_row = scores.subspan(row * given, given);
      const bool second = decision_ == Decision::kAbove ? of_row[0] > 0 : of_row[0] >= 0;
      answer->classes.push_back(
          static_cast<std::uint32_t>(decision_ == Decision::kLargest ? LargestOf(of_row) : (second ? 1 : 0)));
    }
    return;
  }
  if (decision_ == Decision::kLogistic || decision_ == Decision::kDoubleLogistic) {
    const double times = decision_ == Decision::kLogistic ? 1 : 2;
    for (const double score : scores) {
      const double share = Logistic(times * score);
      answer->numbers.push_back(1 - share);
      answer->numbers.push_back(share);
    }
    return;
  }
  answer->numbers.assign(scores.begin(), scores.end());
  for (std::size_t row = 0; row < count; ++row) {
    const auto of_row = std::span(answer->numbers).subspan(row * given, given);
    if (decision_ == Decision::kSoftmax) Softmax(of_row);
    if (decision_ == Decision::kLogisticOfEach) LogisticOfEach(of_row);
    if (decision_ == Decision::kExponential) of_row[0] = std::exp(of_row[0]);
  }
}

}  // namespace keelson::sklearn
