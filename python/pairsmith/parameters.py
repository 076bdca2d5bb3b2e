"""Arguments of the data operations, parsed once at the edge.

Each function returns the value in the type that everything below relies on, or raises
``InvalidParameter`` with the name of the parameter and what would be right.
"""

from collections.abc import Mapping

from pairsmith.errors import InvalidParameter
from pairsmith.results import KeyFormat, KeyPairSpec

AAD_LIMIT = 8192
"""Bytes of Aad at most; documented for the decrypting operations, applied to all."""
CONTEXT_LABEL = b"pairsmith/encryption-context/v1"
"""What an Aad begins with that stands for an encryption context."""
PLAINTEXT_LIMIT = 3 * 1024 * 1024
"""Bytes of a message at most: the limit of a request's body."""
DATA_KEY_LIMIT = 1024
"""Bytes of a data key at most."""
THREAD_LIMIT = 64
"""Threads for one pair, or for one batch, at most."""
BATCH_LIMIT = 2**53
"""Pairs of one batch at most: more than a lifetime makes."""
TABLE_ROWS_LIMIT = 65_536
"""Pairs of one table of Arrow at most: half a gigabyte, where the Aad is longest."""
PAIR_LIMIT = 1024
"""Slots of the guard at most; each is a file."""
POOL_LIMIT = 1024
"""Pairs of one kind that wait at most; each takes a page of locked memory."""
POOL_MAX_AGE_SECONDS = 3600
"""How long a pair waits at most, unless another time is given."""
AGE_LIMIT_SECONDS = 86_400
"""A day: more than pairs that are in use ever wait."""
RANDOM_LIMIT = 64
"""Bytes that ``generate_random`` gives at most."""

# By name, and by member too, for a member equals its name; an enumeration's own
# look-up takes six times as long.
_SPECS: dict[object, KeyPairSpec] = {spec.value: spec for spec in KeyPairSpec}
_FORMATS: dict[object, KeyFormat] = {encoding.value: encoding for encoding in KeyFormat}


def parse_spec(value: object) -> KeyPairSpec:
    """A ``KeyPairSpec`` or its name."""
    try:
        return _SPECS[value]
    except (KeyError, TypeError):
        names = ", ".join(KeyPairSpec)
        raise InvalidParameter("key_pair_spec", f"it must be one of {names}") from None


def parse_format(value: object) -> KeyFormat:
    """A ``KeyFormat`` or its name."""
    try:
        return _FORMATS[value]
    except (KeyError, TypeError):
        raise InvalidParameter("key_format", "it must be PEM or DER") from None


def parse_bytes(name: str, value: object, *, limit: int) -> bytes:
    """Anything bytes-like, up to ``limit`` bytes."""
    if type(value) is not bytes:
        if not isinstance(value, bytes | bytearray | memoryview):
            raise InvalidParameter(name, "it must be bytes; encode text first")
        value = bytes(value)
    if len(value) > limit:
        raise InvalidParameter(
            name, f"it has {len(value)} bytes and may have {limit} at most"
        )
    return value


def parse_aad(value: object) -> bytes:
    """Additional authenticated data; none at all is the same as empty."""
    return parse_bytes("aad", value, limit=AAD_LIMIT)


def encryption_context_aad(context: object) -> bytes:
    """The Aad that an encryption context of the OpenAPI stands for.

    Args:
        context: Names and values, both text, in any order; without any the Aad is
            empty. ``docs/formats.md`` has the form.

    Raises:
        InvalidParameter: It is something else, or too long.
    """
    if not isinstance(context, Mapping) or not all(
        isinstance(text, str) for pair in context.items() for text in pair
    ):
        raise InvalidParameter(
            "encryption_context", "it must be names and values, both text"
        )
    if not context:
        return b""
    pairs = sorted((_field(name), _field(value)) for name, value in context.items())
    aad = CONTEXT_LABEL + b"".join(name + value for name, value in pairs)
    return parse_bytes("encryption_context", aad, limit=AAD_LIMIT)


def _field(text: str) -> bytes:
    """A text in UTF-8 behind its length, in four bytes."""
    try:
        encoded = text.encode()
    except UnicodeEncodeError:
        raise InvalidParameter("encryption_context", "it is not Unicode") from None
    return len(encoded).to_bytes(4, "big") + encoded


def parse_plaintext(value: object) -> bytes:
    """A message to encrypt: documented as required, so an empty one is refused."""
    plaintext = parse_bytes("plaintext", value, limit=PLAINTEXT_LIMIT)
    if not plaintext:
        raise InvalidParameter("plaintext", "it must not be empty")
    return plaintext


def parse_blob(value: object) -> bytes:
    """A blob to decrypt; what is inside is for the core to judge."""
    return parse_bytes("ciphertext_blob", value, limit=PLAINTEXT_LIMIT + 1024)


def parse_count(name: str, value: object, *, limit: int) -> int:
    """A whole number from 1 to ``limit``."""
    if type(value) is not int or not 1 <= value <= limit:
        raise InvalidParameter(name, f"it must be a whole number from 1 to {limit}")
    return value


def parse_flag(name: str, value: object) -> bool:
    """Yes or no, and nothing that might be meant as either."""
    if not isinstance(value, bool):
        raise InvalidParameter(name, "it must be True or False")
    return value


def parse_pool(value: object) -> dict[KeyPairSpec, int]:
    """How many pairs of each kind are to wait; none at all is no pool."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise InvalidParameter(
            "pool", 'it must say how many of each spec, such as {"RSA_2048": 32}'
        )
    return {
        _parse_pooled(spec): parse_count(f"pool[{spec}]", count, limit=POOL_LIMIT)
        for spec, count in value.items()
    }


def _parse_pooled(spec: object) -> KeyPairSpec:
    try:
        return parse_spec(spec)
    except InvalidParameter:
        names = ", ".join(KeyPairSpec)
        raise InvalidParameter("pool", f"its keys must be among {names}") from None


def parse_age(value: object, name: str) -> float:
    """Seconds that something may be old, a thousandth to a day."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidParameter(name, "it must be a number of seconds")
    if not 0.001 <= value <= AGE_LIMIT_SECONDS:  # noqa: PLR2004 -- a millisecond
        raise InvalidParameter(name, "it must be from 0.001 to 86400 seconds")
    return float(value)


def parse_wait(value: object, name: str = "wait") -> float:
    """Seconds to wait for a slot of the guard, or what else is named."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidParameter(name, "it must be a number of seconds")
    if not 0 <= value <= 86_400:  # noqa: PLR2004 -- a day
        raise InvalidParameter(name, "it must be from 0 to 86400 seconds")
    return float(value)
