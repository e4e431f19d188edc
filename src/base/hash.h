#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace keelson {

// SHA-256, incrementally: content hashes of snapshots, artifacts and step inputs.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void Update(std::string_view bytes);
  std::string HexDigest();  // ends the hash: 64 lower-case hexadecimal digits

  static std::string Hex(std::string_view bytes);  // of one whole text

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// FNV-1a with a final mix: stable on every machine and in every version, for splitting traffic and sharding by key.
// Not for untrusted hash tables.
std::uint64_t StableHash(std::string_view bytes);

}  // namespace keelson
