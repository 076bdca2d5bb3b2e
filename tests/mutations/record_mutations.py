"""Changes of the JSON of a stored pair.

Each takes a record, another one, and the source of chance; and gives a text.
"""

import base64
import json
from collections.abc import Callable
from random import Random
from typing import Any

from flipping import flipped


def _value_bit(before: str, _: str, random: Random) -> str:
    values = json.loads(before)
    name = random.choice(list(values))
    try:
        raw = base64.b64decode(values[name], validate=True)
        values[name] = base64.b64encode(flipped(raw, random)).decode()
    except ValueError:
        text = values[name].encode()
        values[name] = flipped(text, random).decode("latin-1")
    return json.dumps(values)


def _text_bit(before: str, _: str, random: Random) -> str:
    return flipped(before.encode(), random).decode("latin-1")


def _field_of_another(before: str, other: str, random: Random) -> str:
    values, others = json.loads(before), json.loads(other)
    for name in random.sample(list(others), random.randrange(1, 4)):
        values[name] = others[name]
    return json.dumps(values)


def _field_gone(before: str, _: str, random: Random) -> str:
    values = json.loads(before)
    del values[random.choice(list(values))]
    return json.dumps(values)


def _fields_exchanged(before: str, _: str, random: Random) -> str:
    values = json.loads(before)
    one, two = random.sample(list(values), 2)
    values[one], values[two] = values[two], values[one]
    return json.dumps(values)


def _field_nonsense(before: str, _: str, random: Random) -> str:
    values: dict[str, Any] = json.loads(before)
    name = random.choice([*values, "Extra"])
    values[name] = random.choice(
        ["", None, 1, [], {}, "AAAA", "RSA_2048", "EC_P256K", "PEM", "DER"]
    )
    return json.dumps(values)


def _field_cut(before: str, _: str, random: Random) -> str:
    values = json.loads(before)
    name = random.choice(list(values))
    values[name] = values[name][: random.randrange(len(values[name]) + 1)]
    return json.dumps(values)


def _record_cut(before: str, _: str, random: Random) -> str:
    return before[: random.randrange(len(before))]


RecordChange = Callable[[str, str, Random], str]

RECORD_CHANGES: dict[str, RecordChange] = {
    "bit of a value": _value_bit,
    "bit of the text": _text_bit,
    "values of another": _field_of_another,
    "value gone": _field_gone,
    "values exchanged": _fields_exchanged,
    "value of another kind": _field_nonsense,
    "value cut": _field_cut,
    "cut": _record_cut,
}
