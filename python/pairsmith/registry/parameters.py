"""Callers' values become the registry's own, once, before any transaction.

Every function takes what a caller gave and returns the parsed value, or raises
``InvalidParameter`` with the parameter's name and what would be right.
"""

import re
from collections.abc import Mapping
from datetime import timedelta

from pairsmith.errors import InvalidParameter, KeyVersionNotFound, LimitExceeded
from pairsmith.registry.identifiers import KEY_ID, KEY_VERSION_ID

DESCRIPTION_CHARACTERS = 8192
PAGE_NUMBER_MAXIMUM = 2**31 - 1
PAGE_SIZE_MAXIMUM = 100
TAGS_PER_KEY = 20
FILTER_NAMES = frozenset(
    {
        "alias_name",
        "creator",
        "key_id",
        "key_spec",
        "key_state",
        "key_usage",
        "protection_level",
        "tag_key",
        "tag_value",
    }
)
FILTER_VALUES = 10
CREATOR_CHARACTERS = 64
TAGGED_KEYS = 50
PENDING_WINDOW_DAYS = range(7, 367)
ROTATION_INTERVAL_MINIMUM = timedelta(days=7)
ROTATION_INTERVAL_MAXIMUM = timedelta(days=365)

_ALIAS = re.compile(r"alias/[A-Za-z0-9_/-]{1,255}")
_NAME = re.compile(r"[A-Za-z0-9_/-]{1,261}")
_TAG = re.compile(r"[A-Za-z0-9/\\_\-.+=:@]{0,128}")
_INTERVAL = re.compile(r"([0-9]{1,9})([dhms])")
_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}


def key_name(value: object) -> str:
    """Parse a key id or an alias that should exist."""
    if isinstance(value, str) and _NAME.fullmatch(value):
        return value
    raise InvalidParameter("key_id", "give a key id or an alias such as alias/orders.")


def new_key_id(value: object) -> str:
    """Parse the id that a key to be made shall have."""
    if isinstance(value, str) and KEY_ID.fullmatch(value):
        return value
    raise InvalidParameter(
        "key_id", "give key- and 21 lower-case letters or digits, or leave it out."
    )


def key_version_id(value: object) -> str:
    """Parse a version id that should exist."""
    if isinstance(value, str) and KEY_VERSION_ID.fullmatch(value):
        return value
    raise InvalidParameter(
        "key_version_id", "give the key id, a hyphen and 10 more characters."
    )


def key_version_name(value: object) -> str:
    """Parse a version id read from a blob: a malformed one is one that nobody has."""
    if isinstance(value, str) and KEY_VERSION_ID.fullmatch(value):
        return value
    raise KeyVersionNotFound("No key has the version that was named.")


def alias_name(value: object) -> str:
    """Parse an alias, its prefix included."""
    if not isinstance(value, str) or not _ALIAS.fullmatch(value):
        raise InvalidParameter(
            "alias_name",
            "give alias/ and then 1 to 255 of the characters A-Z a-z 0-9 _ - and /.",
        )
    if value.startswith("alias/acs"):
        raise InvalidParameter(
            "alias_name", "alias/acs is reserved; choose another beginning."
        )
    return value


def text(value: object, parameter: str) -> str:
    """Parse a free description: any text but what no database can hold."""
    if not isinstance(value, str) or len(value) > DESCRIPTION_CHARACTERS:
        raise InvalidParameter(
            parameter, f"give a text of at most {DESCRIPTION_CHARACTERS} characters."
        )
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise InvalidParameter(
            parameter, "leave out NUL characters and lone surrogates."
        )
    return value


def creator(value: object) -> str:
    """Parse who a key is made for."""
    parsed = text(value, "creator")
    if len(parsed) > CREATOR_CHARACTERS:
        raise InvalidParameter(
            "creator", f"give a name of at most {CREATOR_CHARACTERS} characters."
        )
    return parsed


def flag(value: object, parameter: str) -> bool:
    """Parse a yes or no; a text such as ``"false"`` would be true, so it is refused."""
    if isinstance(value, bool):
        return value
    raise InvalidParameter(parameter, "give True or False.")


def pending_window_days(value: object) -> int:
    """Parse how many days a key waits for its destruction."""
    days = _integer(value)
    if days is not None and days in PENDING_WINDOW_DAYS:
        return days
    raise InvalidParameter("pending_window_days", "give 7 to 366 days.")


def page(number: object, size: object) -> tuple[int, int]:
    """Parse which page of what size is wanted."""
    parsed_number, parsed_size = _integer(number), _integer(size)
    if parsed_number is None or not 1 <= parsed_number <= PAGE_NUMBER_MAXIMUM:
        raise InvalidParameter("page_number", "give a whole number from 1.")
    if parsed_size is None or not 1 <= parsed_size <= PAGE_SIZE_MAXIMUM:
        raise InvalidParameter("page_size", f"give 1 to {PAGE_SIZE_MAXIMUM}.")
    return parsed_number, parsed_size


def rotation_interval(value: object, *, short_allowed: bool) -> timedelta:
    """Parse ``30d``, ``12h``, ``90m``, ``31536000s`` or a ``timedelta``."""
    interval = value if isinstance(value, timedelta) else _interval_of_text(value)
    shortest = timedelta(milliseconds=1) if short_allowed else ROTATION_INTERVAL_MINIMUM
    if interval is None or not shortest <= interval <= ROTATION_INTERVAL_MAXIMUM:
        raise InvalidParameter(
            "rotation_interval",
            "give 7 to 365 days as a whole number and d, h, m or s, such as 30d.",
        )
    return interval


def tags(value: object) -> dict[str, str]:
    """Parse the tags of one key, given as a mapping."""
    if not isinstance(value, Mapping):
        raise InvalidParameter("tags", "give a mapping of tag keys to tag values.")
    parsed = {_tag_key(key): _tag_value(name) for key, name in value.items()}
    if len(parsed) > TAGS_PER_KEY:
        raise LimitExceeded(f"A key has at most {TAGS_PER_KEY} tags; remove some.")
    return parsed


def tag_keys(value: object) -> tuple[str, ...]:
    """Parse the keys of tags to remove, given as anything but one text."""
    if isinstance(value, (list, tuple, set, frozenset)):
        return tuple(_tag_key(key) for key in value)
    raise InvalidParameter("tag_keys", "give a list of tag keys.")


def key_names(value: object) -> tuple[str, ...]:
    """Parse the names of several keys that should exist."""
    if isinstance(value, (list, tuple)) and 1 <= len(value) <= TAGGED_KEYS:
        return tuple(key_name(each) for each in value)
    raise InvalidParameter("key_ids", f"give a list of 1 to {TAGGED_KEYS} keys.")


def filters(value: object) -> dict[str, tuple[str, ...]]:
    """Parse filters: every name must fit, by any of its values."""
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not value.keys() <= FILTER_NAMES:
        raise InvalidParameter(
            "filters", f"give a mapping with keys of {', '.join(sorted(FILTER_NAMES))}."
        )
    return {name: _filter_values(values) for name, values in value.items()}


def _filter_values(value: object) -> tuple[str, ...]:
    if isinstance(value, (list, tuple, set, frozenset)) and (
        1 <= len(value) <= FILTER_VALUES
    ):
        return tuple(text(each, "filters") for each in value)
    raise InvalidParameter(
        "filters", f"give a list of 1 to {FILTER_VALUES} values for each name."
    )


def _tag_key(value: object) -> str:
    if not isinstance(value, str) or not value or not _TAG.fullmatch(value):
        raise InvalidParameter(
            "tag_key", r"give 1 to 128 letters, digits or characters of / \ _-.+=:@"
        )
    if value.startswith(("aliyun", "acs:")):
        raise InvalidParameter("tag_key", "it may not begin with aliyun or acs:.")
    return value


def _tag_value(value: object) -> str:
    if isinstance(value, str) and _TAG.fullmatch(value):
        return value
    raise InvalidParameter(
        "tag_value", r"give 0 to 128 letters, digits or characters of / \ _-.+=:@"
    )


def _interval_of_text(value: object) -> timedelta | None:
    match = _INTERVAL.fullmatch(value) if isinstance(value, str) else None
    return timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else None


def _integer(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
