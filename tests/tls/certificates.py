"""Certificates for the tests, made by the program openssl when they are needed: no private key stands in the tree."""
import pathlib
import subprocess


def openssl(*arguments, text=None):
    done = subprocess.run(["openssl", *map(str, arguments)], input=text, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {arguments[0]}: {done.stderr}")
    return done.stdout


class Authority:
    """Its certificate is `ca`; `issue` makes NAME.pem and NAME.key in the folder."""

    def __init__(self, folder, name):
        self.folder = pathlib.Path(folder)
        self.ca = self.folder / f"{name}.ca.pem"
        self.key = self.folder / f"{name}.ca.key"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
                f"/CN={name}", "-keyout", self.key, "-out", self.ca)

    def issue(self, name, alternatives="DNS:localhost,IP:127.0.0.1", expired=False):
        request, certificate, key = (self.folder / f"{name}.{end}" for end in ("csr", "pem", "key"))
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                "-keyout", key, "-out", request)
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={alternatives}\nbasicConstraints=critical,CA:FALSE\n")
        # openssl x509 makes no certificate of the past; its command `ca` does, and keeps books for that.
        books = self.folder / f"{name}.books"
        books.mkdir(exist_ok=True)
        (books / "index").write_text("")
        (books / "serial").write_text(f"{abs(hash((name, str(alternatives), expired))) % 10**12 + 10**12:016x}\n")
        (books / "config").write_text(
            f"[ca]\ndefault_ca=x\n[x]\ndatabase={books}/index\nserial={books}/serial\nnew_certs_dir={books}\n"
            f"default_md=sha256\npolicy=p\nunique_subject=no\nemail_in_dn=no\n[p]\ncommonName=supplied\n")
        dates = ["-startdate", "20200101000000Z", "-enddate", "20200201000000Z"] if expired else ["-days", "30"]
        openssl("ca", "-batch", "-notext", "-config", books / "config", "-cert", self.ca, "-keyfile", self.key, "-in", request,
                "-out", certificate, "-extfile", extensions, *dates)
        key.chmod(0o600)
        return certificate, key
