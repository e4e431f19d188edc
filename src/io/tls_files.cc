#include "io/tls_files.h"

#include <fmt/core.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/strings.h"
#include "io/files.h"
#include "io/tls_errors.h"

namespace keelson::io {
namespace {

constexpr std::size_t kMaxFile = 4u << 20;  // the machine's whole list of authorities has 220 KiB
constexpr int kSoonDays = 14;

using BioPtr = std::unique_ptr<BIO, decltype(&BIO_free)>;

BioPtr Reader(const std::string& text) {
  return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &BIO_free};
}

std::string DateOf(const ASN1_TIME* time) {
  const BioPtr out(BIO_new(BIO_s_mem()), &BIO_free);
  ASN1_TIME_print(out.get(), time);
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

// Why no certificate came out of this text.
std::string NoCertificate(const std::string& text) {
  if (text.contains("PRIVATE KEY-----"))
    return "this file holds a private key, not a certificate: are the two swapped?";
  if (text.starts_with('\x30'))
    return "this file is DER, not PEM: convert it with `openssl x509 -inform der -in FILE -out NEW_FILE`";
  return "this file holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)";
}

struct Password {
  bool asked = false;
};

int RefusePassword(char*, int, int, void* data) {
  static_cast<Password*>(data)->asked = true;
  return -1;
}

Status CheckSecret(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) == 0 && (info.st_mode & S_IROTH) != 0) {
    return Fail(
        ErrorCode::kPermissionDenied,
        "everybody on this machine may read the private key: `chmod 600 FILE` (in Kubernetes, defaultMode 0440)", path);
  }
  return {};
}

Result<PrivateKeyPtr> ReadKey(const std::string& path) {
  KEELSON_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxFile));
  ERR_clear_error();
  Password password;
  const BioPtr reader = Reader(text);
  PrivateKeyPtr key(PEM_read_bio_PrivateKey(reader.get(), nullptr, RefusePassword, &password));
  const std::string why = TakeOpensslError();
  if (key != nullptr) {
    KEELSON_RETURN_IF_ERROR(CheckSecret(path));
    return key;
  }
  const auto refuse = [&](std::string message) { return Fail(ErrorCode::kInvalidArgument, std::move(message), path); };
  if (password.asked)
    return refuse("the private key is encrypted: decrypt it with `openssl pkey -in FILE -out NEW_FILE`");
  if (text.contains("PRIVATE KEY-----")) return refuse("the private key is damaged: " + why);
  if (text.contains("CERTIFICATE-----"))
    return refuse("this file holds a certificate, not a private key: are the two swapped?");
  if (text.starts_with('\x30'))
    return refuse("this file is DER, not PEM: convert it with `openssl pkey -inform der -in FILE -out NEW_FILE`");
  return refuse("this file holds no private key in PEM form (-----BEGIN PRIVATE KEY-----)");
}

Status CheckDates(const X509* certificate, const std::string& path) {
  const ASN1_TIME* const from = X509_get0_notBefore(certificate);
  const ASN1_TIME* const to = X509_get0_notAfter(certificate);
  if (X509_cmp_current_time(to) < 0)
    return Fail(ErrorCode::kFailedPrecondition, fmt::format("the certificate expired on {}: renew it", DateOf(to)),
                path);
  if (X509_cmp_current_time(from) > 0) {
    return Fail(ErrorCode::kFailedPrecondition,
                fmt::format("the certificate is valid only from {}: look at this machine's clock", DateOf(from)), path);
  }
  int days = 0;
  int seconds = 0;
  if (ASN1_TIME_diff(&days, &seconds, nullptr, to) == 1 && days < kSoonDays)
    LogWarning("a TLS certificate expires soon", {{"file", path}, {"expires", DateOf(to)}});
  return {};
}

}  // namespace

Result<std::vector<CertificatePtr>> ReadCertificates(const std::string& path) {
  KEELSON_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxFile));
  const BioPtr reader = Reader(text);
  std::vector<CertificatePtr> found;
  ERR_clear_error();
  while (CertificatePtr one{PEM_read_bio_X509_AUX(reader.get(), nullptr, RefusePassword, nullptr)})
    found.push_back(std::move(one));
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  const std::string why = TakeOpensslError();
  if (!at_end) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("certificate {} of this file is damaged: {}", found.size() + 1, why), path);
  }
  if (found.empty()) return Fail(ErrorCode::kInvalidArgument, NoCertificate(text), path);
  return found;
}

Result<TlsIdentity> ReadIdentity(const std::string& certificate_path, const std::string& key_path) {
  KEELSON_ASSIGN_OR_RETURN(auto certificates, ReadCertificates(certificate_path));
  TlsIdentity identity;
  identity.certificate = std::move(certificates.front());
  certificates.erase(certificates.begin());
  identity.chain = std::move(certificates);
  KEELSON_ASSIGN_OR_RETURN(identity.key, ReadKey(key_path));
  const bool pair = X509_check_private_key(identity.certificate.get(), identity.key.get()) == 1;
  ERR_clear_error();
  if (!pair) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("the key is of another certificate than {}: give the two that were made together, the "
                            "server's own certificate first in its file",
                            certificate_path),
                key_path);
  }
  KEELSON_RETURN_IF_ERROR(CheckDates(identity.certificate.get(), certificate_path));
  return identity;
}

std::string CertificateName(const X509* certificate) {
  const BioPtr out(BIO_new(BIO_s_mem()), &BIO_free);
  X509_NAME_print_ex(out.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  if (size > 0) return {text, static_cast<std::size_t>(size)};
  unsigned char digest[EVP_MAX_MD_SIZE] = {};
  unsigned digest_size = 0;
  X509_digest(certificate, EVP_sha256(), digest, &digest_size);
  std::string name = "sha256:";
  for (unsigned i = 0; i < digest_size; ++i) name += fmt::format("{:02x}", digest[i]);
  return name;
}

std::vector<std::string> DnsNames(const X509* certificate) {
  std::vector<std::string> names;
  auto* const all = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(all); ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(all, i);
    if (name->type != GEN_DNS) continue;
    const std::string text(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
                           static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName)));
    if (!text.contains('*')) names.push_back(ToLower(text));
  }
  GENERAL_NAMES_free(all);
  ERR_clear_error();
  return names;
}

}  // namespace keelson::io
