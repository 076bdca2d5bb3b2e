"""Parameters of an action: texts of the wire become values, once, as a table says.

A ``Parameter`` names one and says how to read it; a ``Repeated`` one comes as
``Name.1``, ``Name.2``, or as ``Name.1.Key`` if it has fields. What is not in an
action's table is ignored, as the cloud service does.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pairsmith.documents import parse_json
from pairsmith.errors import (
    InvalidParameter,
    PairsmithError,
    RejectedUnsupportedOperation,
)
from pairsmith.model import wire_date
from pairsmith.server.openapi.failures import MissingParameter

Given = dict[str, Any]
"""Parsed values by their names on the wire; what is absent has its default."""

DATE = "%Y-%m-%dT%H:%M:%SZ"
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter.

    Attributes:
        name: On the wire.
        read: Makes a value of the text; a ``ValueError`` says that it cannot be.
        required: Whether it must be given.
        default: If it is absent, or empty though optional.
        secret: Whether the audit log must not tell it.
    """

    name: str
    read: Callable[[str], Any] = str
    required: bool = False
    default: Any = None
    secret: bool = False

    def value(self, given: Mapping[str, str]) -> Any:  # noqa: ANN401 -- what ``read`` makes
        """Read it from the parameters of a request.

        Raises:
            MissingParameter, InvalidParameter: As their names say.
        """
        text = given.get(self.name, "")
        if self.required and self.name not in given:
            raise MissingParameter(self.name)
        if not text and not self.required:
            return self.default
        try:
            return self.read(text)
        except ValueError as error:
            raise InvalidParameter(self.name, str(error)) from None

    def told(self, given: Mapping[str, str]) -> Any:  # noqa: ANN401 -- what JSON has
        """What the audit log tells of it; ``None`` if it is secret or was not given."""
        if self.secret or self.name not in given:
            return None
        try:
            value = self.value(given)
        except PairsmithError:
            return given[self.name]
        return wire_date(value) if isinstance(value, datetime) else value


@dataclass(frozen=True, slots=True)
class Repeated:
    """A parameter that is given once for each of its values.

    Attributes:
        name: On the wire, without its number.
        limit: How many there may be.
        fields: Of each value; without any, the value is a text.
        required: Whether there must be one.
    """

    name: str
    limit: int
    fields: tuple[str, ...] = ()
    required: bool = False

    def value(self, given: Mapping[str, str]) -> list[Any]:
        """Read all of them, in the order of their numbers.

        Raises:
            MissingParameter, InvalidParameter: As their names say.
        """
        numbers = sorted(_numbers(self.name, given))
        if self.required and not numbers:
            raise MissingParameter(f"{self.name}.1")
        if len(numbers) > self.limit:
            raise InvalidParameter(self.name, f"give at most {self.limit}.")
        if not self.fields:
            return [given.get(f"{self.name}.{number}", "") for number in numbers]
        return [
            {field: given.get(f"{self.name}.{number}.{field}") for field in self.fields}
            for number in numbers
        ]

    def told(self, given: Mapping[str, str]) -> list[Any] | None:
        """What the audit log tells of it; ``None`` if it was not given."""
        count = len(_numbers(self.name, given))
        if count <= self.limit:
            return self.value(given) if count else None
        return [
            text for name, text in given.items() if name.startswith(f"{self.name}.")
        ]


def told_parameters(
    table: Sequence[Parameter | Repeated], given: Mapping[str, str]
) -> dict[str, Any]:
    """What the audit log tells of a request: each parameter as it was understood.

    One that cannot be understood is told as it was written.
    """
    told = {parameter.name: parameter.told(given) for parameter in table}
    return {name: value for name, value in told.items() if value is not None}


def read_parameters(
    table: Sequence[Parameter | Repeated], given: Mapping[str, str]
) -> Given:
    """Read every parameter of an action's table."""
    return {parameter.name: parameter.value(given) for parameter in table}


# How texts are read. Each raises ValueError with what would be right.


def integer(low: int, high: int) -> Callable[[str], int]:
    """A whole number of that range."""

    def read(text: str) -> int:
        if re.fullmatch(r"[0-9]{1,10}", text) and low <= int(text) <= high:
            return int(text)
        raise ValueError(f"give a whole number from {low} to {high}.")

    return read


def flag(text: str) -> bool:
    """``true`` or ``false``; some SDKs write ``True``."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    raise ValueError("give true or false.")


def choice(*supported: str, elsewhere: Collection[str] = ()) -> Callable[[str], str]:
    """One of some words; what only the cloud service supports is refused as such."""

    def read(text: str) -> str:
        if text in supported:
            return text
        if text in elsewhere:
            raise RejectedUnsupportedOperation(f"{text} is not supported here.")
        raise ValueError(f"give one of {', '.join(supported)}.")

    return read


def moment(text: str) -> datetime:
    """``YYYY-MM-DDThh:mm:ssZ``."""
    if not _DATE.fullmatch(text):
        raise ValueError("give YYYY-MM-DDThh:mm:ssZ.")
    return datetime.strptime(text, DATE).replace(tzinfo=UTC)


def texts(text: str) -> list[str]:
    """A JSON list of texts."""
    found = _json(text)
    if isinstance(found, list) and all(isinstance(each, str) for each in found):
        return found
    raise ValueError("give a JSON list of texts.")


def tags(text: str) -> dict[str, str]:
    """A JSON list of ``{"TagKey": …, "TagValue": …}``."""
    found = _json(text)
    if isinstance(found, list) and all(_is_tag(each) for each in found):
        return {each["TagKey"]: each.get("TagValue", "") for each in found}
    raise ValueError("give a JSON list of TagKey and TagValue.")


def filters(text: str) -> dict[str, list[str]]:
    """A JSON list of up to 10 ``{"Key": …, "Values": […]}``; a key may come again."""
    found = _json(text)
    if not isinstance(found, list) or len(found) > 10:  # noqa: PLR2004 -- as documented
        raise ValueError("give a JSON list of at most 10 filters.")
    by_key: dict[str, list[str]] = {}
    for each in found:
        if not _is_filter(each):
            raise ValueError("give each filter a Key and up to 10 Values.")
        by_key.setdefault(each["Key"], []).extend(each.get("Values", []))
    return by_key


def _is_tag(value: object) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("TagKey"), str)
        and isinstance(value.get("TagValue", ""), str)
    )


def _is_filter(value: object) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("Key"), str):
        return False
    values = value.get("Values", [])
    return (
        isinstance(values, list)
        and len(values) <= 10  # noqa: PLR2004 -- as documented
        and all(isinstance(each, str) for each in values)
    )


def _json(text: str) -> object:
    try:
        return parse_json("value", text)
    except InvalidParameter:
        raise ValueError("give JSON.") from None


def _numbers(name: str, given: Mapping[str, str]) -> set[int]:
    """The numbers in ``name.number`` and ``name.number.field``."""
    pattern = re.compile(rf"{re.escape(name)}\.([1-9][0-9]{{0,3}})(?:\..*)?", re.DOTALL)
    return {int(match[1]) for match in map(pattern.fullmatch, given) if match}
