#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

namespace keelson::io {

struct OpensslDelete {
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using CertificatePtr = std::unique_ptr<X509, OpensslDelete>;
using PrivateKeyPtr = std::unique_ptr<EVP_PKEY, OpensslDelete>;

// Who we are: a certificate, what leads from it to its authority, and its key.
struct TlsIdentity {
  CertificatePtr certificate;
  std::vector<CertificatePtr> chain;
  PrivateKeyPtr key;
};

// Every certificate of a PEM file; kInvalidArgument when there is none, or a damaged one.
Result<std::vector<CertificatePtr>> ReadCertificates(const std::string& path);
// The pair, checked: of each other, valid now, the key not encrypted and not readable by everybody.
Result<TlsIdentity> ReadIdentity(const std::string& certificate_path, const std::string& key_path);

std::string CertificateName(const X509* certificate);  // its subject ("CN=box,O=we"), or its fingerprint without one
std::vector<std::string> DnsNames(const X509* certificate);  // lower case, no wildcards

}  // namespace keelson::io
