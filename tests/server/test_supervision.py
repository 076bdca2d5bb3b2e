"""Workers that die, hang or are replaced, under a clock of the test's."""

from dataclasses import dataclass, field

import pytest

from pairsmith.server.supervision import (
    LONGEST_PAUSE,
    READY_SECONDS,
    STABLE_SECONDS,
    Place,
    Supervisor,
)

PATIENCE = 30.0


@dataclass(eq=False)
class Double:
    """A worker without a process."""

    number: int
    pid: int
    ready: bool = False
    ended: bool = False
    told: list[str] = field(default_factory=list)

    def is_ready(self) -> bool:
        return self.ready

    def has_ended(self) -> bool:
        return self.ended

    def ending(self) -> str:
        return "as the test wants"

    def terminate(self) -> None:
        self.told.append("terminate")

    def kill(self) -> None:
        self.told.append("kill")
        self.ended = True


class Stage:
    """A supervisor, its workers, and the time.

    Args:
        count: How many workers there are to be.
    """

    def __init__(self, count: int = 1) -> None:
        self.now = 1000.0
        self.started: list[Double] = []
        self.is_broken = False
        self.supervisor = Supervisor(
            self.start, [Place() for _ in range(count)], PATIENCE
        )
        self.moment = self.supervisor.step(self.now)

    def start(self, number: int) -> Double:
        """Start a worker, unless there can be none."""
        if self.is_broken:
            raise OSError("no more processes")
        self.started.append(Double(number, pid=len(self.started)))
        return self.started[-1]

    def step(self, seconds: float = 0.0) -> None:
        """Let time pass, then let the supervisor look."""
        self.now += seconds
        self.moment = self.supervisor.step(self.now)

    def alive(self) -> list[Double]:
        """The workers that have not ended."""
        return [worker for worker in self.started if not worker.ended]

    def be_ready(self) -> None:
        """Let every worker come to serve."""
        for worker in self.started:
            worker.ready = True
        self.step()


def test_a_worker_that_dies_is_replaced_at_once_and_then_after_growing_pauses() -> None:
    """However often; the pauses end at a minute."""
    stage = Stage()
    pauses = []
    for _ in range(12):
        stage.be_ready()
        stage.alive()[0].ended = True
        stage.step()
        pauses.append(0.0 if stage.alive() else (stage.moment or 0.0) - stage.now)
        stage.step(pauses[-1])
        assert len(stage.alive()) == 1
    assert pauses[:5] == [0.0, 1.0, 2.0, 4.0, 8.0]
    assert pauses[-1] == LONGEST_PAUSE


def test_pauses_begin_anew_after_a_worker_that_lived() -> None:
    """A crash a day is no crash loop."""
    stage = Stage()
    for _ in range(4):
        stage.be_ready()
        stage.step(STABLE_SECONDS)
        stage.alive()[0].ended = True
        stage.step()
        assert len(stage.alive()) == 1


def test_connections_are_refused_only_while_nobody_will_serve_them() -> None:
    """One death makes them wait; a worker that never comes to serve refuses them."""
    stage = Stage()
    stage.be_ready()
    stage.alive()[0].ended = True
    stage.step()
    assert not stage.supervisor.is_refusing()
    stage.alive()[0].ended = True
    stage.step()
    assert stage.supervisor.is_refusing()
    stage.step(LONGEST_PAUSE)
    assert stage.supervisor.is_refusing()
    stage.be_ready()
    assert not stage.supervisor.is_refusing()


def test_a_worker_that_cannot_be_started_is_tried_again() -> None:
    """Out of processes or of memory: it heals by itself."""
    stage = Stage()
    stage.is_broken = True
    stage.alive()[0].ended = True
    for _ in range(4):
        stage.step(LONGEST_PAUSE)
    assert stage.alive() == []
    stage.is_broken = False
    stage.step(LONGEST_PAUSE)
    assert len(stage.alive()) == 1


def test_a_worker_that_never_comes_to_serve_is_killed_and_replaced() -> None:
    """It may hang in whatever it opens."""
    stage = Stage()
    assert stage.moment == stage.now + READY_SECONDS
    stage.step(READY_SECONDS)
    assert stage.started[0].told == ["kill"]
    stage.step()
    assert len(stage.alive()) == 1


def test_a_reload_replaces_one_after_the_other_when_its_successor_serves() -> None:
    """There are never fewer that serve than there are to be."""
    stage = Stage(count=2)
    stage.be_ready()
    old = stage.alive()
    stage.supervisor.reload(stage.start, stage.now)
    stage.step()
    assert len(stage.started) == 3
    assert [worker.told for worker in old] == [[], []]
    stage.be_ready()
    stage.step()
    assert [worker.told for worker in old] == [["terminate"], []]
    stage.be_ready()
    assert [worker.told for worker in old] == [["terminate"], ["terminate"]]
    assert len({worker.number for worker in stage.alive()}) == 4
    for worker in old:
        worker.ended = True
    stage.step()
    assert len(stage.alive()) == len(list(stage.supervisor.workers())) == 2


@pytest.mark.parametrize("how", ["dies", "hangs", "cannot be started"])
def test_a_reload_that_does_not_come_to_serve_leaves_the_old_workers(how: str) -> None:
    """And those started later are started like the old ones."""
    stage = Stage(count=2)
    stage.be_ready()
    old = stage.alive()
    wrong: list[Double] = []

    def start_wrong(number: int) -> Double:
        if how == "cannot be started":
            raise OSError("no more processes")
        wrong.append(Double(number, pid=100))
        return wrong[-1]

    stage.supervisor.reload(start_wrong, stage.now)
    stage.step()
    if how == "dies":
        wrong[0].ended = True
    stage.step(READY_SECONDS if how == "hangs" else 0)
    stage.step()
    stage.step(LONGEST_PAUSE)
    assert len(wrong) == (how != "cannot be started")
    assert [worker.told for worker in old] == [[], []]
    old[0].ended = True
    stage.step()
    stage.step(LONGEST_PAUSE)
    assert len(stage.alive()) == 2


def test_a_second_reload_takes_the_place_of_the_first() -> None:
    """What was started with the settings in between does not come to serve."""
    stage = Stage()
    stage.be_ready()
    between: list[Double] = []

    def start_between(number: int) -> Double:
        between.append(Double(number, pid=100))
        return between[-1]

    stage.supervisor.reload(start_between, stage.now)
    stage.step()
    stage.supervisor.reload(stage.start, stage.now)
    stage.step()
    assert between[0].told == ["terminate"]
    stage.be_ready()
    assert stage.started[0].told == ["terminate"]
    assert stage.started[1] in stage.supervisor.workers()


def test_a_reload_mends_what_could_not_start() -> None:
    """It waits for no pause."""
    stage = Stage()
    for _ in range(6):
        stage.alive()[0].ended = True
        stage.step()
        stage.step(LONGEST_PAUSE)
    stage.alive()[0].ended = True
    stage.step()
    assert stage.alive() == []
    stage.supervisor.reload(stage.start, stage.now)
    stage.step()
    assert len(stage.alive()) == 1
    stage.be_ready()
    assert not stage.supervisor.is_refusing()


def test_whoever_does_not_finish_in_time_is_killed() -> None:
    """Stopping ends when the last worker has."""
    stage = Stage(count=2)
    stage.be_ready()
    stage.supervisor.stop(stage.now)
    stage.step()
    quick, slow = stage.started
    assert quick.told == slow.told == ["terminate"]
    assert stage.supervisor.is_refusing()
    quick.ended = True
    stage.step()
    assert not stage.supervisor.is_done()
    assert stage.moment == stage.now + PATIENCE
    stage.step(PATIENCE)
    assert slow.told == ["terminate", "kill"]
    stage.step()
    assert stage.supervisor.is_done()
    assert len(stage.started) == 2


def test_numbers_are_given_again() -> None:
    """Files that belong to them do not become more with every crash."""
    stage = Stage(count=2)
    for _ in range(20):
        stage.be_ready()
        stage.step(STABLE_SECONDS)
        stage.alive()[0].ended = True
        stage.step()
    assert {worker.number for worker in stage.started} == {0, 1}
