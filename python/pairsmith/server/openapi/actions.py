"""Every action there is, by its name on the wire."""

from pairsmith.server.openapi import (
    aliases,
    clients,
    instances,
    keys,
    re_encryption,
    tags,
    versions,
)
from pairsmith.server.openapi.context import Table

API_VERSION = "2016-01-20"

ACTIONS: Table = {
    **keys.ACTIONS,
    **versions.ACTIONS,
    **re_encryption.ACTIONS,
    **aliases.ACTIONS,
    **tags.ACTIONS,
    **clients.ACTIONS,
    **instances.ACTIONS,
}
