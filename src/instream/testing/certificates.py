"""Certificates for services of tests, made by the machine's `openssl` and Java's `keytool`."""

from __future__ import annotations

import subprocess
from pathlib import Path

SECRET = "keystore"


class Certificates:
    """One who signs (`ca`), a service's certificate for an address (`service`, with its key `key`), and keystores for Java."""

    def __init__(self, folder: Path, address: str) -> None:
        self.ca, self.service, self.key = folder / "ca.pem", folder / "service.pem", folder / "service.key"
        self.keystore, self.truststore = folder / "service.p12", folder / "ca.p12"
        ca_key, request, names = folder / "ca.key", folder / "service.csr", folder / "names"
        names.write_text(f"subjectAltName=IP:{address}\n")
        new = ["-newkey", "rsa:2048", "-nodes", "-subj"]
        _run("openssl", "req", "-x509", "-days", "2", *new, "/CN=instream tests", "-keyout", ca_key, "-out", self.ca)
        _run("openssl", "req", *new, "/CN=service", "-keyout", self.key, "-out", request)
        signed: list[str | Path] = ["-CA", self.ca, "-CAkey", ca_key, "-CAcreateserial", "-days", "2", "-extfile", names]
        _run("openssl", "x509", "-req", "-in", request, *signed, "-out", self.service)
        both: list[str | Path] = ["-in", self.service, "-inkey", self.key, "-passout", f"pass:{SECRET}"]
        _run("openssl", "pkcs12", "-export", *both, "-out", self.keystore)
        store: list[str | Path] = ["-keystore", self.truststore, "-storetype", "PKCS12", "-storepass", SECRET]
        _run("keytool", "-importcert", "-noprompt", "-alias", "ca", "-file", self.ca, *store)


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True, capture_output=True)
