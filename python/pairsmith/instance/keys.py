"""Operations on keys, versions, aliases and tags: the registry's, with request ids."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from pairsmith._core import request_id as new_request_id
from pairsmith.errors import PairsmithError
from pairsmith.registry import Registry
from pairsmith.requests import stamp

Parameters = ParamSpec("Parameters")
Answer = TypeVar("Answer")


class _HasRegistry:
    _registry: Registry


def _delegated(
    method: Callable[Concatenate[Registry, Parameters], Answer],
) -> Callable[Concatenate[_HasRegistry, Parameters], Answer]:
    """The registry's method, documented once and there."""

    @wraps(method)
    def operation(
        self: _HasRegistry, /, *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> Answer:
        try:
            return method(self._registry, *args, **kwargs)
        except PairsmithError as error:
            stamp(error, new_request_id())
            raise

    return operation


class KeyOperations(_HasRegistry):
    """The life cycle of keys; ``Instance`` is one of these."""

    create_key = _delegated(Registry.create_key)
    describe_key = _delegated(Registry.describe_key)
    list_keys = _delegated(Registry.list_keys)
    update_key_description = _delegated(Registry.update_key_description)
    enable_key = _delegated(Registry.enable_key)
    disable_key = _delegated(Registry.disable_key)
    schedule_key_deletion = _delegated(Registry.schedule_key_deletion)
    cancel_key_deletion = _delegated(Registry.cancel_key_deletion)
    set_deletion_protection = _delegated(Registry.set_deletion_protection)

    tag_key = _delegated(Registry.tag_key)
    untag_key = _delegated(Registry.untag_key)
    list_tags = _delegated(Registry.list_tags)

    create_alias = _delegated(Registry.create_alias)
    update_alias = _delegated(Registry.update_alias)
    delete_alias = _delegated(Registry.delete_alias)
    list_aliases = _delegated(Registry.list_aliases)
    list_aliases_by_key_id = _delegated(Registry.list_aliases_by_key_id)

    create_key_version = _delegated(Registry.create_key_version)
    describe_key_version = _delegated(Registry.describe_key_version)
    list_key_versions = _delegated(Registry.list_key_versions)
    retire_key_version = _delegated(Registry.retire_key_version)
    restore_key_version = _delegated(Registry.restore_key_version)
    update_rotation_policy = _delegated(Registry.update_rotation_policy)

    run_maintenance = _delegated(Registry.run_maintenance)
    repair_key = _delegated(Registry.repair_key)
    rewrap = _delegated(Registry.rewrap)
