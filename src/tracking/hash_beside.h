#pragma once

#include <semaphore>
#include <string>
#include <string_view>
#include <thread>

#include "base/hash.h"

namespace keelson::tracking {

// SHA-256 of pieces on a thread of its own, while the caller does something else with the same piece: hashing and
// writing to the disk take about as long as one another.
class HashBeside {
 public:
  HashBeside() : thread_([this] { Run(); }) {}
  HashBeside(const HashBeside&) = delete;
  HashBeside& operator=(const HashBeside&) = delete;
  ~HashBeside() {
    piece_ = {};
    begin_.release();
  }

  // Hashes `piece`, which is not empty and stays as it is, from now until the end of the returned value's life.
  [[nodiscard]] auto Begin(std::string_view piece) {
    piece_ = piece;
    begin_.release();
    return Hashing(*this);
  }
  std::string HexDigest() { return hash_.HexDigest(); }  // once, when nothing is being hashed

 private:
  class Hashing {
   public:
    explicit Hashing(HashBeside& hash) : hash_(hash) {}
    Hashing(const Hashing&) = delete;
    Hashing& operator=(const Hashing&) = delete;
    ~Hashing() { hash_.done_.acquire(); }

   private:
    HashBeside& hash_;
  };

  void Run() {
    for (;;) {
      begin_.acquire();
      if (piece_.empty()) return;
      hash_.Update(piece_);
      done_.release();
    }
  }

  Sha256 hash_;
  std::string_view piece_;  // passed to and fro by the two semaphores
  std::binary_semaphore begin_{0}, done_{0};
  std::jthread thread_;  // the last member: it ends before the others do
};

}  // namespace keelson::tracking
