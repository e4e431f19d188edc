#include "app/simulate/page.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace keelson::app {
namespace {

constexpr double kWidth = 720;
constexpr double kHeight = 320;
constexpr double kLeft = 56;
constexpr double kRight = 12;
constexpr double kTop = 12;
constexpr double kBottom = 44;

// Distinguishable for most eyes (Okabe and Ito), on a light and on a dark ground.
constexpr std::array<const char*, 8> kColours = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                                 "#e69f00", "#56b4e9", "#8c6bb1", "#7f7f7f"};

std::string Escaped(const std::string& text) {
  std::string safe;
  for (const char c : text) {
    switch (c) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      default:
        safe += c;
    }
  }
  return safe;
}

// From a round number at or below the least to one at or above the most, in some six round steps.
struct Axis {
  double low = 0;
  double high = 1;
  double step = 1;
  int digits = 0;  // behind the point

  Axis(double least, double most) {
    const double span = most > least ? most - least : 1;
    const double rough = span / 6;
    const double power = std::pow(10, std::floor(std::log10(rough)));
    step = power * 10;
    for (const double factor : {5.0, 2.0, 1.0}) {
      if (factor * power >= rough) step = factor * power;
    }
    low = std::floor(least / step) * step;
    high = std::ceil(most / step) * step;
    if (high <= low) high = low + step;
    digits = std::max(0, static_cast<int>(-std::floor(std::log10(step) + 1e-9)));
  }
  double Place(double value) const { return (value - low) / (high - low); }
};

std::string Drawn(const Plot& plot) {
  double least_x = 0, most_x = 0, least_y = 0, most_y = 0;
  bool first = true;
  for (const Plot::Line& line : plot.lines) {
    for (const auto& [x, y] : line.points) {
      least_x = first ? x : std::min(least_x, x);
      most_x = first ? x : std::max(most_x, x);
      least_y = first ? y : std::min(least_y, y);
      most_y = first ? y : std::max(most_y, y);
      first = false;
    }
  }
  const Axis across(least_x, most_x);
  const Axis up(std::min(least_y, 0.0), most_y);
  const auto x_at = [&](double x) { return kLeft + across.Place(x) * (kWidth - kLeft - kRight); };
  const auto y_at = [&](double y) { return kHeight - kBottom - up.Place(y) * (kHeight - kTop - kBottom); };

  std::string svg =
      fmt::format("<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">\n", kWidth, kHeight, Escaped(plot.title));
  for (int i = 0; across.low + i * across.step <= across.high * (1 + 1e-9); ++i) {
    const double value = across.low + i * across.step;
    svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{:.{}f}</text>\n", x_at(value),
                       kHeight - kBottom + 16, value, across.digits);
  }
  for (int i = 0; up.low + i * up.step <= up.high + up.step * 1e-6; ++i) {
    const double value = up.low + i * up.step;
    svg += fmt::format(
        "<line class=\"grid\" x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/>"
        "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\">{:.{}f}</text>\n",
        kLeft, kWidth - kRight, y_at(value), y_at(value), kLeft - 6, y_at(value) + 4, value, up.digits);
  }
  svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text>\n",
                     (kLeft + kWidth - kRight) / 2, kHeight - 8, Escaped(plot.x));
  svg += fmt::format("<text transform=\"translate(14 {:.1f}) rotate(-90)\" text-anchor=\"middle\">{}</text>\n",
                     (kTop + kHeight - kBottom) / 2, Escaped(plot.y));
  for (std::size_t i = 0; i < plot.lines.size(); ++i) {
    std::string points;
    for (const auto& [x, y] : plot.lines[i].points) points += fmt::format("{:.1f},{:.1f} ", x_at(x), y_at(y));
    svg += fmt::format("<polyline stroke=\"{}\" points=\"{}\"><title>{}</title></polyline>\n",
                       kColours[i % kColours.size()], points, Escaped(plot.lines[i].name));
  }
  return svg + "</svg>\n";
}

std::string Legend(const Plot& plot) {
  std::string html = "<p class=\"legend\">";
  for (std::size_t i = 0; i < plot.lines.size(); ++i) {
    html += fmt::format("<span><i style=\"background:{}\"></i>{}</span> ", kColours[i % kColours.size()],
                        Escaped(plot.lines[i].name));
  }
  return html + "</p>\n";
}

std::string Row(const std::vector<std::string>& cells, const char* tag) {
  std::string html = "<tr>";
  for (const std::string& cell : cells) html += fmt::format("<{0}>{1}</{0}>", tag, Escaped(cell));
  return html + "</tr>\n";
}

constexpr const char* kStyle = R"(<style>
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; } th, td { text-align: right; padding: .2rem .8rem; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } tr + tr td { border-top: 1px solid #8884; }
svg { width: 100%; height: auto; font-size: 11px; } svg text { fill: currentColor; }
.grid { stroke: #8884; } polyline { fill: none; stroke-width: 1.8; }
.legend span { margin-right: 1.2rem; white-space: nowrap; }
.legend i { display: inline-block; width: 1.2rem; height: .25rem; margin-right: .4rem; vertical-align: middle; }
</style>
)";

}  // namespace

std::string SimulationPage(const std::string& title, const std::string& text, const TextTable& table,
                           const std::vector<Plot>& plots) {
  std::string html = fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
      "content=\"width=device-width\">\n<title>{0}</title>\n{1}<h1>{0}</h1>\n<p>{2}</p>\n<table>\n",
      Escaped(title), kStyle, Escaped(text));
  html += Row(table.header, "th");
  for (const auto& row : table.rows) html += Row(row, "td");
  html += "</table>\n";
  for (const Plot& plot : plots) {
    html += fmt::format("<h2>{}</h2>\n", Escaped(plot.title)) + Legend(plot) + Drawn(plot);
  }
  return html + "</html>\n";
}

}  // namespace keelson::app
