"""Settings of the server: what there is to set, each parsed once and frozen.

Every field below is a line of the file (``[table]``, ``name = value``) and a variable
(``PAIRSMITH_TABLE_NAME``), see ``settings_file``. ``docs/server.md`` lists them from
here.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, get_type_hints

from pairsmith.errors import InvalidParameter
from pairsmith.parameters import (
    AGE_LIMIT_SECONDS,
    PAIR_LIMIT,
    POOL_MAX_AGE_SECONDS,
    THREAD_LIMIT,
)
from pairsmith.server.path.origin import parse_networks

if TYPE_CHECKING:
    from pairsmith.registry import RootKeys


def _set(default: object, doc: str, low: int = 1, high: int = 2**31) -> Any:  # noqa: ANN401 -- what ``field`` gives
    """A setting with what it means and, if it is a number, its least and greatest."""
    return field(default=default, metadata={"doc": doc, "low": low, "high": high})


@dataclass(frozen=True, slots=True)
class Listen:
    """Where clients connect."""

    host: str = _set(
        "127.0.0.1",
        "Address or name to listen on; 0.0.0.0 is every interface, :: in IPv6, too.",
    )
    port: int = _set(8443, "Port to listen on.", high=65535)
    names: str = _set(
        "", "Further names and addresses of the certificate, with commas between."
    )
    workers: int = _set(
        1, "Processes that serve; two to each core are plenty.", high=64
    )
    connections: int = _set(
        16384, "Connections at most, over all workers; more wait to be accepted."
    )
    trusted_proxies: str = _set(
        "",
        "Addresses and networks, with commas between, of proxies whose X-Forwarded-For "
        "is believed.",
    )


@dataclass(frozen=True, slots=True)
class Tls:
    """How connections are protected."""

    certificate: str = _set(
        "", "Your own certificate with its chain, PEM; empty makes one."
    )
    key: str = _set("", "Its private key, PEM without a password, mode 0600.")
    insecure_http: bool = _set(
        default=False, doc="Plain HTTP instead; refused unless host is a loopback."
    )


@dataclass(frozen=True, slots=True)
class Database:
    """Where keys are and what wraps them."""

    url: str = _set("sqlite:///pairsmith.db", "As --database of every command.")
    root_key: str = _set("", "As --root-key of every command.")
    refuse_format_1: bool = _set(
        default=False, doc="Open no blob that does not say what it was made as."
    )


@dataclass(frozen=True, slots=True)
class Pairs:
    """How data key pairs are generated."""

    limit: int = _set(
        1,
        "Pairs at once on this host; more are refused with 429. From 2 on, one of them "
        "is kept for other kinds than RSA.",
        high=PAIR_LIMIT,
    )
    wait_ms: int = _set(
        0,
        "How long a pair request may wait for a free slot; 0 refuses at once.",
        0,
        60_000,
    )
    turn_ms: int = _set(
        5000,
        "How long a pair request may wait for the pair of another client to end; 0 "
        "refuses at once.",
        0,
        60_000,
    )
    share_percent: int = _set(
        50,
        "How much of the time RSA pairs of one client may take while others ask for "
        "pairs; more are refused with 429.",
        high=100,
    )
    waiting: int = _set(
        16,
        "Pair requests of a worker that may wait for a slot; as many for their turn.",
        0,
        1024,
    )
    threads: int = _set(1, "Threads that search for one RSA pair.", high=THREAD_LIMIT)
    pool: str = _set(
        "",
        "Pairs that each worker keeps ready, such as RSA_2048=32,RSA_4096=4; empty "
        "keeps none.",
    )
    pool_max_age_seconds: int = _set(
        POOL_MAX_AGE_SECONDS,
        "How long a pair may wait there; then it is erased and another one made.",
        high=AGE_LIMIT_SECONDS,
    )
    pairwise_test: bool = _set(
        default=False,
        doc="Whether the halves of pairs are tried on each other before they leave, as "
        "those of RSA always are.",
    )

    def pooled(self) -> dict[str, int]:
        """How many pairs of each spec are to wait.

        Raises:
            InvalidParameter: The text says something else.
        """
        shelves = [shelf.partition("=") for shelf in self.pool.split(",") if shelf]
        if not all(count.strip().isdecimal() for _, _, count in shelves):
            raise InvalidParameter(
                "pairs.pool", "it must be like RSA_2048=32,EC_P256=8"
            )
        return {spec.strip(): int(count[:12]) for spec, _, count in shelves}


@dataclass(frozen=True, slots=True)
class Limits:
    """What a client may use up."""

    body_bytes: int = _set(
        3 * 1024 * 1024,
        "Bytes of the body of a request at most whose headers are signed.",
        1024,
        3 * 1024 * 1024,
    )
    form_bytes: int = _set(
        64 * 1024,
        "Bytes of the body of a request to the OpenAPI at most, where it is signed the "
        "older way, RPC; only re-encrypting blobs of more than 6 KB takes more.",
        1024,
        3 * 1024 * 1024,
    )
    bodies_bytes: int = _set(
        192 * 1024 * 1024,
        "Bytes of bodies beyond 16 KB that a worker holds at a time; more get 503. A "
        "quarter is for senders who are not known yet, half of the rest for each.",
        16 * 1024 * 1024,
    )
    header_seconds: int = _set(
        10,
        "Time to send the headers of a request; for the first, from connecting on.",
        high=60,
    )
    idle_seconds: int = _set(
        75,
        "How long a connection may wait for its next request; longer than a balancer "
        "keeps it.",
        high=3600,
    )
    body_seconds: int = _set(20, "Time to send the body of a request.", high=300)
    clock_skew_seconds: int = _set(
        900, "How far the Date of a request may be from this clock.", high=900
    )
    client_key_days: int = _set(
        1826,
        "How long a client key made over the OpenAPI may be valid.",
        high=1826,
    )
    requests: int = _set(
        1024,
        "Requests under way in a worker; more get 503. One client has half of them at "
        "most, all senders who are not known yet a quarter.",
    )
    threads: int = _set(
        8,
        "Threads of a worker for everything but RSA pairs. One client has half of them "
        "at most, all senders who are not known yet a quarter.",
        high=256,
    )
    refused_signatures: int = _set(
        100,
        "Refused signatures of an address per second that a worker looks at, ten times "
        "as many at once; more get 429. 0 for any number.",
        0,
    )
    shutdown_seconds: int = _set(
        30, "Time to finish what was accepted when told to stop.", high=1800
    )


@dataclass(frozen=True, slots=True)
class Files:
    """Where the server's own files are."""

    folder: str = _set(
        ".", "Folder of tls/ and clients/, which the server keeps to itself."
    )
    audit: str = _set(
        "", "The audit log; by default beside an SQLite database, else in the folder."
    )


@dataclass(frozen=True, slots=True)
class Logs:
    """What is written about requests."""

    level: str = _set("info", "debug, info, warning or error.")
    format: str = _set("json", "json, one object to a line; or console, for people.")


@dataclass(frozen=True, slots=True)
class Metrics:
    """Who may read /metrics."""

    public: bool = _set(
        default=False,
        doc="Whether anybody may read /metrics; otherwise only this host.",
    )


@dataclass(frozen=True, slots=True)
class Names:
    """What the OpenAPI calls the place where the keys are; clients see it in ARNs."""

    region: str = _set("local", "Region of ARNs and of DescribeRegions.")
    account: str = _set("0", "Account of ARNs.")
    instance: str = _set("kst-pairsmith", "Id of the one instance there is.")


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings; every table has its defaults."""

    listen: Listen = field(default_factory=Listen)
    tls: Tls = field(default_factory=Tls)
    database: Database = field(default_factory=Database)
    files: Files = field(default_factory=Files)
    pairs: Pairs = field(default_factory=Pairs)
    limits: Limits = field(default_factory=Limits)
    logs: Logs = field(default_factory=Logs)
    metrics: Metrics = field(default_factory=Metrics)
    names: Names = field(default_factory=Names)

    def root_key_provider(self) -> RootKeys | None:
        """What opens the database; ``None`` for the file beside it."""
        return self.database.root_key or None


CHOICES = {
    ("logs", "level"): ("debug", "info", "warning", "error"),
    ("logs", "format"): ("json", "console"),
}


def with_setting(settings: Settings, table: str, name: str, value: object) -> Settings:
    """The same settings with one of them changed.

    Args:
        settings: To start from.
        table: Its table.
        name: Its name there.
        value: As TOML gives it, or as text.

    Raises:
        InvalidParameter: There is no such setting, or it cannot be this.
    """
    if (table, name) not in setting_names():
        raise InvalidParameter(
            f"{table}.{name}", "there is no such setting; see --print-config"
        )
    section = getattr(settings, table)
    parsed = _parsed(type(section), table, name, value)
    return replace(settings, **{table: replace(section, **{name: parsed})})


def setting_names() -> list[tuple[str, str]]:
    """Every table with every name in it, in the order of the file."""
    empty = Settings()
    return [
        (table.name, setting.name)
        for table in fields(Settings)
        for setting in fields(getattr(empty, table.name))
    ]


def setting_doc(table: str, name: str) -> str:
    """What a setting means."""
    section = getattr(Settings(), table)
    docs = {each.name: each.metadata["doc"] for each in fields(section)}
    return str(docs[name])


def _parsed(section: type, table: str, name: str, value: object) -> object:
    kind = get_type_hints(section)[name]
    setting = next(each for each in fields(section) if each.name == name)
    if kind is bool:
        return _parsed_bool(f"{table}.{name}", value)
    if kind is int:
        low, high = setting.metadata["low"], setting.metadata["high"]
        return _parsed_int(f"{table}.{name}", value, low, high)
    if not isinstance(value, str):
        raise InvalidParameter(f"{table}.{name}", "it must be text, in quotes")
    if (table, name) == ("listen", "trusted_proxies"):
        parse_networks(value)
    choices = CHOICES.get((table, name))
    if choices is not None and value not in choices:
        raise InvalidParameter(f"{table}.{name}", f"it is one of {', '.join(choices)}")
    return value


def _parsed_bool(name: str, value: object) -> bool:
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return value == "true"
    raise InvalidParameter(name, "it must be true or false")


def _parsed_int(name: str, value: object, low: int, high: int) -> int:
    text = str(value)
    if not isinstance(value, bool) and text.isascii() and text.isdigit():
        number = int(text[:12])
        if low <= number <= high:
            return number
    raise InvalidParameter(name, f"it must be a whole number from {low} to {high}")
