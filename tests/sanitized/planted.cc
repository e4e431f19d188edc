// Mistakes made on purpose, one for each word: tests/suites/sanitized holds that its builds end a program that makes
// them. Without that, a build that lost its sanitizers would pass.
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <memory>
#include <string_view>
#include <thread>
#include <vector>

namespace {

void Overflow(std::size_t one) {
  const std::vector<int> short_one(1);
  std::printf("%d\n", short_one.data()[one]);
}

void UseAfterFree() {
  auto owner = std::make_unique<int>(1);
  int* const gone = owner.get();
  owner.reset();
  std::printf("%d\n", *gone);
}

void Leak() {
  auto* volatile lost = new int(1);
  lost = nullptr;
  std::printf("%d\n", lost == nullptr ? 0 : 1);
}

void Undefined(int one) {
  std::printf("%d\n", std::numeric_limits<int>::max() + one);
}

void Race() {
  int counter = 0;
  const auto count = [&counter] {
    for (int i = 0; i < 1000; ++i) ++counter;
  };
  std::thread other(count);
  count();
  other.join();
  std::printf("%d\n", counter);
}

}  // namespace

int main(int count, char** words) {
  const std::string_view which = count == 2 ? words[1] : "";
  if (which == "overflow") Overflow(static_cast<std::size_t>(count - 1));
  if (which == "use-after-free") UseAfterFree();
  if (which == "leak") Leak();
  if (which == "undefined") Undefined(count - 1);
  if (which == "race") Race();
  return 0;
}
