#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/replay/corruption.h"
#include "app/replay/past.h"

namespace keelson::app {

// The rows of one source as the server's API takes them: JSON objects by column. What belongs to every row is made
// once.
class RowText {
 public:
  // `corruptions` are those of this source; all of it outlives this.
  RowText(const ReplaySource& source, const std::vector<const BoundCorruption*>& corruptions);
  // A partial row has null where a value is known later.
  void Append(std::size_t row, bool partial, std::string& out) const;

 private:
  struct Cell {
    const data::Column* column;
    std::string name;  // quoted, with its colon
    bool known_later;
    std::vector<const BoundCorruption*> corruptions;
  };
  const data::Column* time_;
  std::vector<Cell> cells_;
};

// The rows of one source as requests of the Open Inference Protocol, one row each, the row's key as their id.
class RequestText {
 public:
  RequestText(const ReplaySource& source, const std::vector<std::string>& columns);
  std::string Of(std::size_t row) const;
  Instant At(std::size_t row) const;  // when it is asked

 private:
  struct Input {
    const data::Column* column;
    std::string head;  // up to the datatype
  };
  const data::Column* key_;
  const data::Column* time_;
  std::vector<Input> inputs_;
};

}  // namespace keelson::app
