"""What a traceback or a log may show of a request: nothing that it carries."""

from functools import partial

from pairsmith.server.path.answer import Answer
from pairsmith.server.path.call import Call
from pairsmith.server.path.hallway import _Begun

SECRET = b"private key"


def test_no_repr_shows_what_is_carried() -> None:
    """Neither what was given to the work nor what it gives."""
    work = partial(bytes, SECRET)
    call = Call(lambda _: work)
    shown = [
        Answer(200, SECRET),
        Call(partial(lambda secret, _: partial(bytes, secret), SECRET)),
        _Begun("principal", call, work, result=SECRET),
    ]
    for each in shown:
        assert SECRET.decode() not in repr(each)
        assert SECRET.decode() not in f"{each}"
