#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace keelson::io {

// Seals small secrets that stand in a database, with a key that stands beside it: who reads a copy of the database
// alone learns nothing. AES-256 in GCM, a nonce of its own each time. Copies share one key; thread-safe.
class SecretBox {
 public:
  // The key is in the file `path`, which is made, readable to its owner alone, when something is sealed first.
  static SecretBox WithKeyIn(std::string path);
  // A key that lives as long as the box.
  static SecretBox WithKeyOfItsOwn();

  // `about` (the id of the row, say) is sealed with the secret: it opens for the same `about` alone.
  Result<std::string> Seal(std::string_view secret, std::string_view about) const;
  // kDataLoss: it was sealed with another key or about something else, or is damaged; or the file of the key is not
  // there or holds none.
  Result<std::string> Open(std::string_view sealed, std::string_view about) const;

 private:
  class Key;
  explicit SecretBox(std::shared_ptr<Key> key);
  std::shared_ptr<Key> key_;
};

}  // namespace keelson::io
