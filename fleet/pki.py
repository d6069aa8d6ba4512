# SPDX-License-Identifier: MIT
"""Keys of the local fleet: its own certificate authority, one certificate a node, and the keys that sign tokens.

Made once with the openssl command and kept in the state folder. Certificates serve both as server and as client
certificate (mTLS between sites, the `repl` role of Postgres). Tokens are JWS made by hand: three base64url parts.
"""
import base64
import hashlib
import hmac
import json
import os
import re
import secrets
import subprocess
import time

from fleet.layout import DATABASES, GATEWAYS, STATE
from fleet.shell import FleetError, each, run

PKI = STATE / "pki"
CA = PKI / "ca.crt"
JWKS = PKI / "jwks.json"
AUDIENCE = "meridian"
_CONFIG = """[req]
distinguished_name = dn
prompt = no
[dn]
CN = unused
"""


def certificate(name):
    return PKI / f"{name}.crt", PKI / f"{name}.key"


def _make_ca():
    run(["openssl", "req", "-x509", "-config", PKI / "openssl.cnf", "-newkey", "ec",
         "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", PKI / "ca.key", "-out", CA,
         "-days", "3650", "-subj", "/CN=Meridian local fleet CA",
         "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
         "-addext", "subjectKeyIdentifier=hash"])


def _make_certificate(name):
    crt, key = certificate(name)
    if crt.exists():
        return
    run(["openssl", "req", "-x509", "-config", PKI / "openssl.cnf", "-CA", CA, "-CAkey", PKI / "ca.key",
         "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key,
         "-out", f"{crt}.new", "-days", "3650", "-subj", f"/CN={name}",
         "-addext", f"subjectAltName=DNS:{name},DNS:localhost,IP:127.0.0.1",
         "-addext", "basicConstraints=critical,CA:FALSE", "-addext", "keyUsage=critical,digitalSignature",
         "-addext", "extendedKeyUsage=serverAuth,clientAuth", "-addext", "authorityKeyIdentifier=keyid"])
    os.rename(f"{crt}.new", crt)


def ensure_certificates():
    """CA, a certificate for every gateway and database, and the client certificate of the replication role."""
    PKI.mkdir(parents=True, exist_ok=True)
    (PKI / "openssl.cnf").write_text(_CONFIG)
    if not CA.exists():
        _make_ca()
    each(_make_certificate, list(dict.fromkeys([*GATEWAYS, *DATABASES, "repl"])))


def b64u(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _int_bytes(value):
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def _rsa_jwk(key):
    text = run(["openssl", "rsa", "-in", key, "-noout", "-modulus"]).stdout
    modulus = int(re.search(r"Modulus=([0-9A-F]+)", text).group(1), 16)
    return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "fleet-rs256",
            "n": b64u(_int_bytes(modulus)), "e": b64u(_int_bytes(65537))}


def _ec_jwk(key):
    der = subprocess.run(["openssl", "ec", "-in", str(key), "-pubout", "-outform", "DER"], check=True,
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    point = der[-64:]   # an uncompressed point closes the structure: 04, x, y
    return {"kty": "EC", "use": "sig", "alg": "ES256", "kid": "fleet-es256", "crv": "P-256",
            "x": b64u(point[:32]), "y": b64u(point[32:])}


def ensure_token_keys():
    """One key for each algorithm the gateways accept; jwks.json is what they read."""
    if JWKS.exists():
        return
    rsa, ec, shared = PKI / "token-rs256.key", PKI / "token-es256.key", PKI / "token-hs256.key"
    run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", rsa])
    run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-out", ec])
    shared.touch(mode=0o600)
    shared.write_bytes(secrets.token_bytes(32))
    keys = [{"kty": "oct", "use": "sig", "alg": "HS256", "kid": "fleet-hs256", "k": b64u(shared.read_bytes())},
            _rsa_jwk(rsa), _ec_jwk(ec)]
    JWKS.touch(mode=0o600)
    JWKS.write_text(json.dumps({"keys": keys}, indent=1) + "\n")


def _openssl_sign(key, data):
    return subprocess.run(["openssl", "dgst", "-sha256", "-sign", str(key)], input=data, check=True,
                          stdout=subprocess.PIPE).stdout


def _raw_ecdsa(der):
    """DER SEQUENCE { INTEGER r, INTEGER s } to the fixed r || s that JWS wants (RFC 7518 section 3.4)."""
    out, at = b"", 2
    for _ in range(2):
        length = der[at + 1]
        out += int.from_bytes(der[at + 2:at + 2 + length], "big").to_bytes(32, "big")
        at += 2 + length
    return out


def sign(claims, alg="HS256"):
    """A compact JWS over these claims."""
    head = {"alg": alg, "typ": "JWT", "kid": f"fleet-{alg.lower()}"}
    text = ".".join(b64u(json.dumps(part, separators=(",", ":")).encode()) for part in (head, claims)).encode()
    key = PKI / f"token-{alg.lower()}.key"
    if not key.exists():
        raise FleetError("no signing keys yet: start the fleet once (./dev up)")
    if alg == "HS256":
        signature = hmac.new(key.read_bytes(), text, hashlib.sha256).digest()
    else:
        signature = _openssl_sign(key, text)
        if alg == "ES256":
            signature = _raw_ecdsa(signature)
    return text.decode() + "." + b64u(signature)


def token(tenant, role, region=None, facilities=None, lifetime=12 * 3600, alg="HS256"):
    now = int(time.time())
    claims = {"sub": f"{role}@{tenant}", "aud": AUDIENCE, "tenant": tenant, "role": role}
    if region:
        claims["region"] = region[0] if len(region) == 1 else list(region)
    claims["facilities"] = list(facilities) if facilities else ["*"]
    claims.update(iat=now, exp=now + lifetime)
    return sign(claims, alg)
