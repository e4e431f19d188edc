#pragma once

#include <array>
#include <cmath>
#include <functional>
#include <numbers>
#include <string>
#include <vector>

#include "training/search.h"

// Standard functions of optimisation, minimised, all with their least value moved to 0. bench/peers/search_optuna.py
// has the same; both print what each gives in the middle of its space, and bench/figures/search.py compares.
namespace keelson::bench {

struct Function {
  std::string name;
  std::vector<training::Range> space;
  std::function<double(const training::Point&)> value;
};

inline std::vector<training::Range> Box(std::size_t dimensions, double low, double high) {
  std::vector<training::Range> space;
  for (std::size_t i = 0; i < dimensions; ++i) {
    space.push_back({"x" + std::to_string(i), training::Range::Kind::kFloat, low, high, false, {}});
  }
  return space;
}

template <typename Term>
double Sum(const training::Point& x, const Term& term) {
  double sum = 0;
  for (const double each : x) sum += term(each);
  return sum;
}

inline double Rosenbrock(const training::Point& x) {
  double sum = 0;
  for (std::size_t i = 0; i + 1 < x.size(); ++i) {
    sum += 100 * std::pow(x[i + 1] - x[i] * x[i], 2) + std::pow(1 - x[i], 2);
  }
  return sum;
}

inline double Ackley(const training::Point& x) {
  const auto n = static_cast<double>(x.size());
  const double squares = Sum(x, [](double v) { return v * v; });
  const double waves = Sum(x, [](double v) { return std::cos(2 * std::numbers::pi * v); });
  return -20 * std::exp(-0.2 * std::sqrt(squares / n)) - std::exp(waves / n) + 20 + std::numbers::e;
}

inline double Griewank(const training::Point& x) {
  double product = 1;
  for (std::size_t i = 0; i < x.size(); ++i) product *= std::cos(x[i] / std::sqrt(static_cast<double>(i) + 1));
  return 1 + Sum(x, [](double v) { return v * v; }) / 4000 - product;
}

inline double Levy(const training::Point& x) {
  const auto w = [&](std::size_t i) { return 1 + (x[i] - 1) / 4; };
  const double pi = std::numbers::pi;
  double sum = std::pow(std::sin(pi * w(0)), 2);
  for (std::size_t i = 0; i + 1 < x.size(); ++i) {
    sum += std::pow(w(i) - 1, 2) * (1 + 10 * std::pow(std::sin(pi * w(i) + 1), 2));
  }
  const double last = w(x.size() - 1);
  return sum + std::pow(last - 1, 2) * (1 + std::pow(std::sin(2 * pi * last), 2));
}

inline double Branin(const training::Point& x) {
  constexpr double kPi = std::numbers::pi;
  const double a = x[1] - 5.1 / (4 * kPi * kPi) * x[0] * x[0] + 5 / kPi * x[0] - 6;
  return a * a + 10 * (1 - 1 / (8 * kPi)) * std::cos(x[0]) + 10 - 0.397887;
}

inline double Hartmann6(const training::Point& x) {
  constexpr std::array<double, 4> kAlpha = {1.0, 1.2, 3.0, 3.2};
  constexpr double kA[4][6] = {
      {10, 3, 17, 3.5, 1.7, 8}, {0.05, 10, 17, 0.1, 8, 14}, {3, 3.5, 1.7, 10, 17, 8}, {17, 8, 0.05, 10, 0.1, 14}};
  constexpr double kP[4][6] = {{1312, 1696, 5569, 124, 8283, 5886},
                               {2329, 4135, 8307, 3736, 1004, 9991},
                               {2348, 1451, 3522, 2883, 3047, 6650},
                               {4047, 8828, 8732, 5743, 1091, 381}};
  double sum = 3.32237;
  for (std::size_t i = 0; i < 4; ++i) {
    double inner = 0;
    for (std::size_t j = 0; j < 6; ++j) inner += kA[i][j] * (x[j] - 1e-4 * kP[i][j]) * (x[j] - 1e-4 * kP[i][j]);
    sum -= kAlpha[i] * std::exp(-inner);
  }
  return sum;
}

// A choice, a whole number and a magnitude.
inline double Mixed(const training::Point& x) {
  return (x[0] == 2 ? 0 : 1) + std::abs(x[1] - 7) / 6 + std::abs(std::log10(x[2]) + 2);
}

inline std::vector<Function> Functions() {
  using Kind = training::Range::Kind;
  const auto sphere = [](const training::Point& x) { return Sum(x, [](double v) { return v * v; }); };
  const auto rastrigin = [](const training::Point& x) {
    return Sum(x, [](double v) { return 10 + v * v - 10 * std::cos(2 * std::numbers::pi * v); });
  };
  const auto styblinski = [](const training::Point& x) {
    return Sum(x, [](double v) { return (v * v * v * v - 16 * v * v + 5 * v) / 2 + 39.16616570377142; });
  };
  return {{"sphere", Box(4, -5, 5), sphere},
          {"Rosenbrock", Box(4, -2, 2), Rosenbrock},
          {"Rastrigin", Box(3, -5.12, 5.12), rastrigin},
          {"Ackley", Box(5, -15, 30), Ackley},
          {"Griewank", Box(4, -50, 70), Griewank},
          {"Levy", Box(5, -10, 10), Levy},
          {"Styblinski-Tang", Box(4, -5, 5), styblinski},
          {"Branin", {{"x", Kind::kFloat, -5, 10, false, {}}, {"y", Kind::kFloat, 0, 15, false, {}}}, Branin},
          {"Hartmann6", Box(6, 0, 1), Hartmann6},
          {"mixed",
           {{"kind", Kind::kChoice, 0, 0, false, {"a", "b", "c", "d"}},
            {"depth", Kind::kInt, 1, 12, false, {}},
            {"rate", Kind::kFloat, 1e-5, 1, true, {}}},
           Mixed}};
}

}  // namespace keelson::bench
