// What is sealed: a nonce of 12 bytes, the ciphertext, GCM's tag of 16 bytes.
#include "io/secret_box.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <mutex>
#include <utility>

#include "base/strings.h"
#include "io/files.h"
#include "io/os.h"

namespace keelson::io {
namespace {

constexpr std::size_t kKey = 32;
constexpr std::size_t kNonce = 12;
constexpr std::size_t kTag = 16;
constexpr std::size_t kLongestKeyFile = 1024;

std::string RandomBytes(std::size_t count) {
  std::string bytes(count, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count)) != 1) std::abort();
  return bytes;
}

using Cipher = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* Bytes(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

// A context for one text, `about` already read. Fails only when memory is out.
Cipher Begin(bool sealing, std::string_view key, std::string_view nonce, std::string_view about) {
  Cipher cipher(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  int ignored = 0;
  if (cipher == nullptr ||
      EVP_CipherInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, Bytes(key), Bytes(nonce), sealing ? 1 : 0) != 1 ||
      EVP_CipherUpdate(cipher.get(), nullptr, &ignored, Bytes(about), static_cast<int>(about.size())) != 1) {
    std::abort();
  }
  return cipher;
}

// Never one that others may read, not even for a moment.
Result<std::string> MakeKeyFile(const std::string& path) {
  std::string key = RandomBytes(kKey);
  KEELSON_ASSIGN_OR_RETURN(const Fd file, OpenFile(path, O_WRONLY | O_CREAT | O_EXCL, 0600));
  KEELSON_RETURN_IF_ERROR(WriteAll(file.get(), HexEncode(key) + "\n", path));
  if (fsync(file.get()) != 0) return OsFail(errno, "sync", path);
  KEELSON_RETURN_IF_ERROR(SyncFolder(ParentOf(path)));
  return key;
}

Result<std::string> ReadKeyFile(const std::string& path) {
  const auto text = ReadFile(path, kLongestKeyFile);
  if (!text.has_value()) {
    if (text.error().code != ErrorCode::kNotFound) return std::unexpected(text.error());
    return Fail(ErrorCode::kDataLoss, "the key of sealed secrets is not there; bring the file back, or set them anew",
                path);
  }
  auto key = HexDecode(Trim(*text));
  if (!key || key->size() != kKey) {
    return Fail(ErrorCode::kDataLoss, "the file holds no key (64 hexadecimal digits); bring back what it held", path);
  }
  return *std::move(key);
}

}  // namespace

class SecretBox::Key {
 public:
  explicit Key(std::string path) : path_(std::move(path)) {
    if (path_.empty()) bytes_ = RandomBytes(kKey);
  }

  Result<std::string> Get(bool make) {
    const std::lock_guard lock(mutex_);
    if (!bytes_.empty()) return bytes_;
    auto read = make && !Exists(path_) ? MakeKeyFile(path_) : ReadKeyFile(path_);
    if (read.has_value()) bytes_ = *read;
    return read;
  }

 private:
  std::mutex mutex_;
  const std::string path_;
  std::string bytes_;  // guarded by mutex_; "" before it was read
};

SecretBox::SecretBox(std::shared_ptr<Key> key) : key_(std::move(key)) {}

SecretBox SecretBox::WithKeyIn(std::string path) {
  return SecretBox(std::make_shared<Key>(std::move(path)));
}

SecretBox SecretBox::WithKeyOfItsOwn() {
  return SecretBox(std::make_shared<Key>(""));
}

Result<std::string> SecretBox::Seal(std::string_view secret, std::string_view about) const {
  KEELSON_ASSIGN_OR_RETURN(const std::string key, key_->Get(/*make=*/true));
  const std::string nonce = RandomBytes(kNonce);
  const Cipher cipher = Begin(true, key, nonce, about);
  std::string hidden(secret.size(), '\0');
  std::string tag(kTag, '\0');
  int size = 0;
  int rest = 0;
  if (EVP_CipherUpdate(cipher.get(), Bytes(hidden), &size, Bytes(secret), static_cast<int>(secret.size())) != 1 ||
      EVP_CipherFinal_ex(cipher.get(), Bytes(hidden) + size, &rest) != 1 ||
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, kTag, tag.data()) != 1) {
    std::abort();
  }
  return nonce + hidden + tag;
}

Result<std::string> SecretBox::Open(std::string_view sealed, std::string_view about) const {
  const auto damaged = [] {
    return Fail(ErrorCode::kDataLoss, "a sealed secret does not open with this key; set it anew");
  };
  if (sealed.size() < kNonce + kTag) return damaged();
  KEELSON_ASSIGN_OR_RETURN(const std::string key, key_->Get(/*make=*/false));
  const Cipher cipher = Begin(false, key, sealed.substr(0, kNonce), about);
  const std::string_view hidden = sealed.substr(kNonce, sealed.size() - kNonce - kTag);
  std::string tag(sealed.substr(sealed.size() - kTag));
  std::string secret(hidden.size(), '\0');
  int size = 0;
  int rest = 0;
  if (EVP_CipherUpdate(cipher.get(), Bytes(secret), &size, Bytes(hidden), static_cast<int>(hidden.size())) != 1 ||
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, kTag, tag.data()) != 1 ||
      EVP_CipherFinal_ex(cipher.get(), Bytes(secret) + size, &rest) != 1) {
    return damaged();
  }
  return secret;
}

}  // namespace keelson::io
