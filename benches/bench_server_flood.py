"""Latency of cheap operations while clients flood the server with RSA_4096 pairs.

``python benches/bench_server_flood.py [SECONDS]`` starts a server over plain HTTP with
two slots for pairs, and measures Decrypt and EC_P256 pairs in turns, from one
connection: at rest, and while four clients ask for RSA_4096 pairs as fast as they are
answered.
"""

import base64
import hashlib
import http.client
import json
import statistics
import sys
import threading
import time
from collections import Counter
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

from pairsmith.server.instance_api import messages_pb2 as messages
from pairsmith.server.instance_api.signature import string_to_sign
from pairsmith.testing import RunningServer

FLOODERS = 4


class Client:
    """One connection, signing with the server's first client key."""

    def __init__(self, server: RunningServer) -> None:
        file = json.loads(server.client_key_file.read_text())
        content = base64.b64decode(file["PrivateKeyData"])
        opened = load_pkcs12(content, server.client_key_password.encode())
        self._id, self._key = file["KeyId"], opened.key
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port)

    def send(self, name: str, body: bytes) -> tuple[int, bytes]:
        """Status and content of one operation."""
        headers = {
            "date": datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT"),
            "x-kms-apiversion": "dkms-gcs-0.2",
            "x-kms-apiname": name,
            "x-kms-signaturemethod": "RSA_PKCS1_SHA_256",
            "x-kms-acccesskeyid": self._id,
            "content-type": "application/x-protobuf",
            "content-sha256": hashlib.sha256(body).hexdigest(),
        }
        text = string_to_sign("POST", headers).encode()
        signature = self._key.sign(text, PKCS1v15(), SHA256())
        headers["authorization"] = f"Bearer {base64.b64encode(signature).decode()}"
        self._connection.request("POST", "/", body, headers)
        response = self._connection.getresponse()
        return response.status, response.read()


def pair(key_id: str, spec: str) -> bytes:
    """The message that asks for a pair."""
    request = messages.GenerateDataKeyPairWithoutPlaintextRequest
    return request(KeyId=key_id, KeyPairSpec=spec, KeyFormat="DER").SerializeToString()


def measure(client: Client, work: dict[str, tuple[str, bytes]], seconds: float) -> None:
    """Do each kind of work in turns, and print how long it took."""
    times: dict[str, list[float]] = {kind: [] for kind in work}
    statuses: dict[str, Counter[int]] = {kind: Counter() for kind in work}
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for kind, (name, body) in work.items():
            begun = time.perf_counter()
            status, _ = client.send(name, body)
            times[kind].append(time.perf_counter() - begun)
            statuses[kind][status] += 1
    for kind, each in times.items():
        cuts = statistics.quantiles(each, n=100)
        figures = ", ".join(
            f"{label} {value * 1000:.2f} ms"
            for label, value in (
                ("p50", cuts[49]),
                ("p99", cuts[98]),
                ("max", max(each)),
            )
        )
        print(f"  {kind:<10} {len(each):>6} calls: {figures}; {dict(statuses[kind])}")


def main() -> None:
    """Measure at rest, then under flood."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    server = RunningServer.start(tls_insecure_http=True, pairs_limit=2)
    try:
        with server.open_instance() as instance:
            key_id = instance.create_key("flood").key_id
            sealed = instance.encrypt(key_id, b"x" * 32)
        opened = messages.DecryptRequest(
            KeyId=key_id, CiphertextBlob=sealed.ciphertext_blob, Iv=sealed.iv
        )
        name = "GenerateDataKeyPairWithoutPlaintext"
        work = {
            "Decrypt": ("Decrypt", opened.SerializeToString()),
            "EC_P256": (name, pair(key_id, "EC_P256")),
        }
        client = Client(server)
        measure(client, work, 1.0)  # to warm up
        print("at rest")
        measure(client, work, seconds)
        flood(server, name, pair(key_id, "RSA_4096"), client, work, seconds)
    finally:
        server.discard()


def flood(
    server: RunningServer,
    name: str,
    body: bytes,
    client: Client,
    work: dict[str, tuple[str, bytes]],
    seconds: float,
) -> None:
    """Measure while others ask for RSA pairs."""
    answered: Counter[int] = Counter()
    stopped = threading.Event()

    def ask() -> None:
        flooder = Client(server)
        while not stopped.is_set():
            answered[flooder.send(name, body)[0]] += 1

    threads = [threading.Thread(target=ask) for _ in range(FLOODERS)]
    for thread in threads:
        thread.start()
    print(f"under flood, {FLOODERS} clients asking for RSA_4096 pairs")
    measure(client, work, seconds)
    stopped.set()
    for thread in threads:
        thread.join()
    print(f"  the flood was answered {dict(answered)}")


if __name__ == "__main__":
    main()
