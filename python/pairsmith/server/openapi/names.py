"""Names of the wire: ARNs of keys and aliases, and what they mean here."""

from pairsmith.errors import AliasNotFound, KeyNotFound
from pairsmith.server.openapi.failures import InstanceNotFound
from pairsmith.server.settings import Names

ALIAS = "alias/"


def key_arn(names: Names, key_id: str) -> str:
    """Write the ARN of a key."""
    return f"{_prefix(names)}key/{key_id}"


def alias_arn(names: Names, alias_name: str) -> str:
    """Write the ARN of an alias, given with its prefix."""
    return f"{_prefix(names)}{alias_name}"


def instance_arn(names: Names) -> str:
    """Write the ARN of the instance."""
    return f"{_prefix(names)}keystore/{names.instance}"


def key_name(names: Names, text: str) -> str:
    """Give the id or the alias that a text means: itself, or what its ARN names.

    Raises:
        KeyNotFound, AliasNotFound: It is the ARN of something elsewhere.
    """
    if not text.startswith("acs:"):
        return text
    here = text.removeprefix(_prefix(names))
    if here.startswith(ALIAS):
        return here
    if here.startswith("key/"):
        return here.removeprefix("key/")
    if f":{ALIAS}" in text:
        raise AliasNotFound(f"{text} is in another region or account.")
    raise KeyNotFound(f"{text} is in another region or account.")


def require_instance(names: Names, instance_id: str | None) -> None:
    """Make sure that this instance is meant, if one is named.

    Raises:
        InstanceNotFound: It is another one.
    """
    if instance_id not in (None, names.instance):
        raise InstanceNotFound


def _prefix(names: Names) -> str:
    return f"acs:kms:{names.region}:{names.account}:"
