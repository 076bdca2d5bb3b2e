"""Self-hosted key management for data key pairs.

    from pairsmith import Instance

    with Instance.open("sqlite:///kms.db") as kms:
        key = kms.create_key(description="devices")
        pair = kms.generate_data_key_pair(key.key_id, "RSA_2048", "PEM")
        stored = pair.record().to_json()

Importing this package imports nothing heavy: each name is loaded when first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pairsmith.aio import AsyncInstance as AsyncInstance
    from pairsmith.errors import PairsmithError as PairsmithError
    from pairsmith.instance import CancelToken as CancelToken
    from pairsmith.instance import Instance as Instance
    from pairsmith.results import DataKey as DataKey
    from pairsmith.results import DataKeyPair as DataKeyPair
    from pairsmith.results import (
        DataKeyPairWithoutPlaintext as DataKeyPairWithoutPlaintext,
    )
    from pairsmith.results import Decrypted as Decrypted
    from pairsmith.results import Encrypted as Encrypted
    from pairsmith.results import KeyFormat as KeyFormat
    from pairsmith.results import KeyPairSpec as KeyPairSpec
    from pairsmith.results import ReEncrypted as ReEncrypted
    from pairsmith.results import WrappedKeyPair as WrappedKeyPair

_HOME = {
    "AsyncInstance": "pairsmith.aio",
    "CancelToken": "pairsmith.instance",
    "DataKey": "pairsmith.results",
    "DataKeyPair": "pairsmith.results",
    "DataKeyPairWithoutPlaintext": "pairsmith.results",
    "Decrypted": "pairsmith.results",
    "Encrypted": "pairsmith.results",
    "Instance": "pairsmith.instance",
    "KeyFormat": "pairsmith.results",
    "KeyPairSpec": "pairsmith.results",
    "PairsmithError": "pairsmith.errors",
    "ReEncrypted": "pairsmith.results",
    "WrappedKeyPair": "pairsmith.results",
}

__all__ = [
    "AsyncInstance",
    "CancelToken",
    "DataKey",
    "DataKeyPair",
    "DataKeyPairWithoutPlaintext",
    "Decrypted",
    "Encrypted",
    "Instance",
    "KeyFormat",
    "KeyPairSpec",
    "PairsmithError",
    "ReEncrypted",
    "WrappedKeyPair",
    "__version__",
    "errors",
]


def __getattr__(name: str) -> object:
    """Load a public name when it is first used (PEP 562)."""
    if name in _HOME:
        value: object = getattr(import_module(_HOME[name]), name)
    elif name == "errors":
        value = import_module("pairsmith.errors")
    elif name == "__version__":
        from importlib.metadata import version

        value = version("pairsmith")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names, loaded or not."""
    return sorted(__all__)
