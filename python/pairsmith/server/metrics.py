"""Prometheus metrics, over all worker processes."""

import os

from pairsmith.instance import Instance


def share_between_processes(directory: str | os.PathLike[str]) -> None:
    """Let workers started from now on add up their figures in this directory.

    To be called once, before the workers are started and before ``Metrics`` is made.
    """
    raise NotImplementedError


class Metrics:
    """What this server counts.

    Args:
        instance: Gives what is counted when asked for: key versions, the pool.
    """

    def __init__(self, instance: Instance) -> None:
        raise NotImplementedError

    def observe(self, operation: str, spec: str, code: str, seconds: float) -> None:
        """Count one operation and its time.

        Args:
            operation: Its name on the wire.
            spec: Of a pair; else empty.
            code: ``OK`` or the error code.
            seconds: From request to answer.
        """
        raise NotImplementedError

    def render(self) -> tuple[bytes, str]:
        """The figures of all workers as Prometheus reads them, and the content type."""
        raise NotImplementedError
