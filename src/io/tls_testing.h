#pragma once

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "io/tls_files.h"

// Certificates for the tests and benchmarks of TLS, made when they are needed: no private key stands in the tree.
namespace keelson::io::testing {

struct CertificateWish {
  std::string name = "localhost";  // common name; "" for an empty subject
  std::string alternatives = "DNS:localhost,IP:127.0.0.1";
  long valid_from = -3'600;  // seconds from now
  long valid_to = 86'400 * 30;
  int rsa_bits = 0;           // 0: elliptic curve P-256
  std::string password = {};  // of the key's file
};

struct IssuedCertificate {
  std::string certificate;  // path of the PEM file
  std::string key;
};

// An authority of its own, its certificate in the file ca().
class TestAuthority {
 public:
  TestAuthority(const std::string& folder, const std::string& name)
      : folder_(folder), name_(name), key_(MakeKey(0)), certificate_(Make({.name = name, .alternatives = ""}, true)) {
    WriteCertificate(ca(), certificate_.get());
  }
  std::string ca() const { return folder_ + "/" + name_ + ".ca.pem"; }

  // Files NAME.pem and NAME.key in the folder, replaced when they are there.
  IssuedCertificate Issue(const std::string& file, const CertificateWish& wish = {}) {
    subject_key_ = MakeKey(wish.rsa_bits);
    const CertificatePtr made = Make(wish, false);
    const IssuedCertificate paths{folder_ + "/" + file + ".pem", folder_ + "/" + file + ".key"};
    WriteCertificate(paths.certificate, made.get());
    const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new_file(paths.key.c_str(), "w"), &BIO_free);
    const auto* const password = reinterpret_cast<const unsigned char*>(wish.password.data());
    PEM_write_bio_PKCS8PrivateKey(out.get(), subject_key_.get(), wish.password.empty() ? nullptr : EVP_aes_128_cbc(),
                                  reinterpret_cast<const char*>(password), static_cast<int>(wish.password.size()),
                                  nullptr, nullptr);
    chmod(paths.key.c_str(), 0600);
    return paths;
  }

 private:
  static PrivateKeyPtr MakeKey(int rsa_bits) {
    return PrivateKeyPtr(rsa_bits > 0 ? EVP_RSA_gen(static_cast<unsigned>(rsa_bits)) : EVP_EC_gen("P-256"));
  }

  CertificatePtr Make(const CertificateWish& wish, bool authority) {
    static long serial = 1'000;
    CertificatePtr made(X509_new());
    X509* const x = made.get();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(x), wish.valid_from);
    X509_gmtime_adj(X509_getm_notAfter(x), wish.valid_to);
    if (!wish.name.empty()) {
      X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
                                 reinterpret_cast<const unsigned char*>(wish.name.c_str()), -1, -1, 0);
    }
    X509_set_pubkey(x, authority ? key_.get() : subject_key_.get());
    X509_set_issuer_name(x, X509_get_subject_name(authority ? x : certificate_.get()));
    X509V3_CTX context;
    X509V3_set_ctx(&context, authority ? x : certificate_.get(), x, nullptr, nullptr, 0);
    const auto extend = [&](int nid, const std::string& value) {
      X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
      X509_add_ext(x, extension, -1);
      X509_EXTENSION_free(extension);
    };
    extend(NID_basic_constraints, authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
    extend(NID_subject_key_identifier, "hash");
    if (!wish.alternatives.empty()) extend(NID_subject_alt_name, wish.alternatives);
    if (X509_sign(x, key_.get(), EVP_sha256()) == 0) std::abort();
    return made;
  }

  static void WriteCertificate(const std::string& path, X509* certificate) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new_file(path.c_str(), "w"), &BIO_free);
    PEM_write_bio_X509(out.get(), certificate);
  }

  const std::string folder_;
  const std::string name_;
  PrivateKeyPtr key_;
  PrivateKeyPtr subject_key_;
  CertificatePtr certificate_;
};

}  // namespace keelson::io::testing
