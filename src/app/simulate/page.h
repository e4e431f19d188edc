#pragma once

#include <string>
#include <utility>
#include <vector>

#include "app/output.h"

namespace keelson::app {

// Lines over a common horizontal axis.
struct Plot {
  struct Line {
    std::string name;
    std::vector<std::pair<double, double>> points;  // in the order of x
  };
  std::string title;
  std::string x;  // what the axes show
  std::string y;
  std::vector<Line> lines;
};

// A page of HTML that needs nothing else: no script, no style sheet, no picture from anywhere.
std::string SimulationPage(const std::string& title, const std::string& text, const TextTable& table,
                           const std::vector<Plot>& plots);

}  // namespace keelson::app
