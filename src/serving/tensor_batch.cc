#include "serving/tensor_batch.h"

#include <algorithm>
#include <cstring>

#include "base/hash.h"

namespace keelson::serving {
namespace {

bool SameColumns(const Tensor& a, const Tensor& b) {
  return a.name == b.name && a.datatype == b.datatype && !a.shape.empty() && !b.shape.empty() &&
         std::equal(a.shape.begin() + 1, a.shape.end(), b.shape.begin() + 1, b.shape.end());
}

std::size_t Width(const Tensor& tensor) {
  std::size_t width = 1;
  for (std::size_t i = 1; i < tensor.shape.size(); ++i) width *= static_cast<std::size_t>(tensor.shape[i]);
  return width;
}

template <typename Values>
void Append(const Values& from, Values* to) {
  to->insert(to->end(), from.begin(), from.end());
}

template <typename Values>
Values Cut(const Values& values, std::size_t begin, std::size_t count) {
  if (values.empty()) return {};
  const auto from = values.begin() + static_cast<std::ptrdiff_t>(begin);
  return Values(from, from + static_cast<std::ptrdiff_t>(count));
}

template <typename Values>
bool SameBytes(const Values& a, const Values& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(a[0])) == 0);
}

}  // namespace

std::optional<std::size_t> RowsOf(std::span<const Tensor> inputs) {
  if (inputs.empty()) return std::nullopt;
  for (const Tensor& tensor : inputs) {
    if (tensor.shape.empty() || tensor.shape[0] != inputs[0].shape[0]) return std::nullopt;
  }
  return static_cast<std::size_t>(inputs[0].shape[0]);
}

std::uint64_t ShapeHash(std::span<const Tensor> inputs, std::span<const std::string> wanted) {
  std::string all;
  for (const Tensor& tensor : inputs) {
    all.append(tensor.name).push_back('\0');
    all.append(DatatypeName(tensor.datatype));
    for (std::size_t i = 1; i < tensor.shape.size(); ++i) {
      all.push_back(',');
      all.append(std::to_string(tensor.shape[i]));
    }
    all.push_back('\0');
  }
  for (const auto& output : wanted) all.append("\1").append(output);
  return std::max<std::uint64_t>(StableHash(all), 1);
}

bool Together(std::span<const Tensor> a, std::span<const Tensor> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), SameColumns);
}

void AppendRows(std::span<const Tensor> more, std::vector<Tensor>* all) {
  for (std::size_t i = 0; i < more.size(); ++i) {
    const Tensor& from = more[i];
    Tensor& to = (*all)[i];
    // Marks of missing texts are there only when some are.
    if (!from.missing.empty() || !to.missing.empty()) {
      to.missing.resize(to.elements(), 0);
      Append(from.missing, &to.missing);
      to.missing.resize(to.elements() + from.elements(), 0);
    }
    Append(from.floats, &to.floats);
    Append(from.doubles, &to.doubles);
    Append(from.ints, &to.ints);
    Append(from.texts, &to.texts);
    to.shape[0] += from.shape[0];
  }
}

std::vector<Tensor> CutRows(std::span<const Tensor> tensors, std::size_t begin, std::size_t rows) {
  std::vector<Tensor> cut;
  cut.reserve(tensors.size());
  for (const Tensor& tensor : tensors) {
    const std::size_t width = Width(tensor);
    Tensor& part = cut.emplace_back();
    part.name = tensor.name;
    part.datatype = tensor.datatype;
    part.shape = tensor.shape;
    part.shape[0] = static_cast<std::int64_t>(rows);
    part.floats = Cut(tensor.floats, begin * width, rows * width);
    part.doubles = Cut(tensor.doubles, begin * width, rows * width);
    part.ints = Cut(tensor.ints, begin * width, rows * width);
    part.texts = Cut(tensor.texts, begin * width, rows * width);
    part.missing = Cut(tensor.missing, begin * width, rows * width);
    part.labels = tensor.labels;
  }
  return cut;
}

bool SameBits(std::span<const Tensor> a, std::span<const Tensor> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Tensor& x, const Tensor& y) {
    const auto marked = [](const Tensor& tensor) {
      return std::any_of(tensor.missing.begin(), tensor.missing.end(), [](auto mark) { return mark != 0; });
    };
    return x.name == y.name && x.datatype == y.datatype && x.shape == y.shape && SameBytes(x.floats, y.floats) &&
           SameBytes(x.doubles, y.doubles) && x.ints == y.ints && x.texts == y.texts &&
           (x.missing == y.missing || (!marked(x) && !marked(y)));
  });
}

}  // namespace keelson::serving
