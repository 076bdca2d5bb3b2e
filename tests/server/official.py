"""The official SDK in a process of its environment, driven by JSON lines."""

import base64
import json
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from waiting import PATIENCE_SECONDS

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-sdk" / "bin" / "python"
DRIVER = Path(__file__).parent / "sdk" / "driver.py"
OPENAPI_DRIVER = Path(__file__).parent / "sdk" / "openapi_driver.py"


class Refused(Exception):  # noqa: N818 -- that is what it says
    """The SDK raised: code, status and message as it tells them."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(str(error))
        self.code: str | None = error["code"]
        self.status: int | None = error["status"]
        self.message: str = error["message"]
        self.type: str = error["type"]


class Sdk:
    """One client of the SDK.

    Args:
        config: What its ``Config`` is made with.
        driver: Of which SDK.
    """

    def __init__(self, config: dict[str, Any], driver: Path = DRIVER) -> None:
        assert PYTHON.exists(), "make .venv-sdk/.synced installs the official SDKs"
        self._process = subprocess.Popen(
            [PYTHON, "-W", "ignore", driver, json.dumps(config)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def call(self, method: str, *, asynchronous: bool = False, **fields: Any) -> Any:
        """Call once; give the answer's fields, or raise ``Refused``."""
        (outcome,) = self.outcomes(method, fields, asynchronous=asynchronous)
        if isinstance(outcome, Refused):
            raise outcome
        return outcome

    def outcomes(
        self,
        method: str,
        fields: dict[str, Any],
        *,
        times: int = 1,
        asynchronous: bool = False,
        **options: Any,
    ) -> list[Any]:
        """Call several times at once; give the answers and what was refused."""
        order = {
            "method": method,
            "fields": {name: _encoded(value) for name, value in fields.items()},
            "times": times,
            "asynchronous": asynchronous,
            "options": options,
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the driver has ended"
        return [
            _decoded(each["answer"]) if "answer" in each else Refused(each["error"])
            for each in json.loads(line)
        ]

    def __enter__(self) -> Self:
        """Leave the block to end its process."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the process and close its pipes."""
        self._process.communicate(timeout=PATIENCE_SECONDS)


def _encoded(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"b64": base64.b64encode(value).decode()}
    return value


def _decoded(value: Any) -> Any:
    if isinstance(value, dict):
        if set(value) == {"b64"}:
            return base64.b64decode(value["b64"])
        return {name: _decoded(each) for name, each in value.items()}
    return value
