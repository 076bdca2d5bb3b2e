"""A request id for every call, on its result and on its error alike."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from pairsmith._core import request_id as new_request_id
from pairsmith.errors import PairsmithError

__all__ = ["new_request_id", "request", "stamp"]

Owner = TypeVar("Owner")
Parameters = ParamSpec("Parameters")
Answer = TypeVar("Answer")


def request(
    method: Callable[Concatenate[Owner, str, Parameters], Answer],
) -> Callable[Concatenate[Owner, Parameters], Answer]:
    """Give the method a fresh request id first; stamp its errors with it."""

    @wraps(method)
    def with_request_id(
        self: Owner, /, *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> Answer:
        request_id = new_request_id()
        try:
            return method(self, request_id, *args, **kwargs)
        except PairsmithError as error:
            stamp(error, request_id)
            raise

    signature = inspect.signature(method)
    owner, _request_id, *others = signature.parameters.values()
    with_request_id.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[owner, *others]
    )
    return with_request_id


def stamp(error: PairsmithError, request_id: str) -> None:
    """Name the request in the error, unless an inner one is named already."""
    if error.request_id is None:
        error.request_id = request_id
