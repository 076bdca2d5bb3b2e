"""A client of the OpenAPI in a few lines, which can also send what no SDK would."""

import base64
import hashlib
import hmac
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

import httpx2 as httpx

from pairsmith.server.services import utc_now

VERSION = "2016-01-20"
HOST = "localhost"


def wire_date(moment: datetime) -> str:
    """As both ways of signing write it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def canonical(parameters: dict[str, str]) -> str:
    """Sorted and percent-encoded."""
    return "&".join(
        f"{quote(name, safe='~')}={quote(parameters[name], safe='~')}"
        for name in sorted(parameters)
    )


class Refused(Exception):  # noqa: N818 -- that is what it says
    """An error was answered."""

    def __init__(self, response: httpx.Response) -> None:
        super().__init__(response.text)
        self.content: dict[str, Any] = response.json()
        self.status = response.status_code
        self.code: str = self.content["Code"]
        self.message: str = self.content["Message"]


@dataclass
class Caller:
    """An access key, and how it calls.

    ``changed`` replaces headers (or, of the old way, parameters) before they are
    signed, ``tampered`` after; ``None`` leaves one out.
    """

    http: httpx.Client
    key_id: str
    secret: str = field(repr=False)
    now: Callable[[], datetime] = utc_now

    def call(self, action: str, **parameters: Any) -> dict[str, Any]:
        """Call with ACS3-HMAC-SHA256; give the answer or raise ``Refused``."""
        return answer_of(self.send(action, named(parameters)))

    def send(
        self,
        action: str,
        query: dict[str, str],
        *,
        method: str = "POST",
        form: dict[str, str] | None = None,
        changed: dict[str, str | None] | None = None,
        tampered: dict[str, str | None] | None = None,
    ) -> httpx.Response:
        """Send a request signed with ACS3-HMAC-SHA256."""
        body = urlencode(form).encode() if form else b""
        headers: dict[str, str | None] = {
            "host": HOST,
            "accept": "application/json",
            "user-agent": "test",
            "x-acs-action": action,
            "x-acs-version": VERSION,
            "x-acs-date": wire_date(self.now()),
            "x-acs-signature-nonce": uuid.uuid4().hex,
            "x-acs-content-sha256": hashlib.sha256(body).hexdigest(),
        }
        if form:
            headers["content-type"] = "application/x-www-form-urlencoded"
        signed = present(headers | (changed or {}))
        names = ";".join(sorted(signed))
        lines = "".join(f"{name}:{signed[name]}\n" for name in sorted(signed))
        content_hash = signed.get("x-acs-content-sha256", "")
        text = f"{method}\n/\n{canonical(query)}\n{lines}\n{names}\n{content_hash}"
        digest = hashlib.sha256(text.encode()).hexdigest()
        signature = hmac.new(
            self.secret.encode(), f"ACS3-HMAC-SHA256\n{digest}".encode(), "sha256"
        ).hexdigest()
        proof = f"Credential={self.key_id},SignedHeaders={names},Signature={signature}"
        every = signed | {"authorization": f"ACS3-HMAC-SHA256 {proof}"}
        return self.http.request(
            method, f"/?{canonical(query)}",
            headers=present(every | (tampered or {})), content=body,
        )  # fmt: skip

    def send_v1(
        self,
        action: str,
        parameters: dict[str, str],
        *,
        method: str = "POST",
        form: dict[str, str] | None = None,
        changed: dict[str, str | None] | None = None,
        tampered: dict[str, str | None] | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """Send a request signed the old way, in its query."""
        query: dict[str, str | None] = {
            "Action": action,
            "Version": VERSION,
            "Format": "json",
            "AccessKeyId": self.key_id,
            "SignatureMethod": "HMAC-SHA1",
            "SignatureVersion": "1.0",
            "SignatureNonce": uuid.uuid4().hex,
            "Timestamp": wire_date(self.now()),
            **parameters,
        }
        signed = present(query | (changed or {}))
        text = f"{method}&%2F&{quote(canonical(signed | (form or {})), safe='~')}"
        mac = hmac.new(f"{self.secret}&".encode(), text.encode(), "sha1")
        every = signed | {"Signature": base64.b64encode(mac.digest()).decode()}
        return self.http.request(
            method, f"/?{urlencode(present(every | (tampered or {})))}",
            headers=headers, data=form,
        )  # fmt: skip


def present(items: dict[str, str | None]) -> dict[str, str]:
    """Without those that are left out."""
    return {name: value for name, value in items.items() if value is not None}


def named(parameters: dict[str, Any]) -> dict[str, str]:
    """Parameters as texts; a double underscore stands for a dot."""
    return {name.replace("__", "."): str(value) for name, value in parameters.items()}


def answer_of(response: httpx.Response) -> dict[str, Any]:
    """The answer, or raise ``Refused``."""
    if response.status_code != 200:
        raise Refused(response)
    answer: dict[str, Any] = response.json()
    return answer
