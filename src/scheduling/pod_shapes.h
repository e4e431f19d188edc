#pragma once

#include <map>
#include <string>
#include <vector>

#include "scheduling/cluster.h"

namespace keelson::scheduling {

// The distinct shapes of pods, numbered as they come.
class PodShapes {
 public:
  std::size_t Number(const PodShape& pod);  // the shape's number, new or known
  const std::vector<PodShape>& all() const { return shapes_; }
  const PodShape& operator[](std::size_t number) const { return shapes_[number]; }

 private:
  std::vector<PodShape> shapes_;
  std::map<std::string, std::size_t> numbers_;
};

}  // namespace keelson::scheduling
