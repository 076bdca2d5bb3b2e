"""What somebody changes who can write the database opens nothing and gives no right.

``make mutations`` makes 100,000 changes; here are some of them, with both databases,
and the proof that a wrong answer would be seen.
"""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from campaign import Campaign
from campaign_report import Report
from database_mutations import RULES
from mutate import run
from mutated_world import World, build, opened
from questions import CHANGE_LOG, Question, key_object, on_its_page, page_object
from table_rows import COLUMNS, Rows

from pairsmith.errors import KeyNotFound
from pairsmith.registry import Registry
from pairsmith.registry.cache import ResolvedKey
from pairsmith.registry.revisions import page_of
from places import Place


@pytest.fixture
def world(place: Place) -> World:
    """A registry with everything in it, whose constraints are gone."""
    return _world(place)


@pytest.fixture
def sqlite_world(sqlite_place: Place) -> World:
    """The same in a file, for what does not depend on the database."""
    return _world(sqlite_place)


@pytest.fixture
def campaign(sqlite_world: World) -> Iterator[Campaign]:
    """A campaign that has not begun."""
    with opened(sqlite_world) as here, closing(Rows(sqlite_world.url)) as rows:
        yield Campaign(sqlite_world, here, rows, "1")


def _world(place: Place) -> World:
    made = build(place.url, f"file:{place.directory / 'root-key'}")
    with closing(Rows(made.url)) as rows:
        rows.relax()
    return made


def _run(world: World, count: int) -> Report:
    with closing(Rows(world.url)) as rows:
        return run(world, "1", range(count), rows.all())


def test_every_column_has_a_rule() -> None:
    """Whoever adds a column says what a changed value in it must do."""
    assert {table: set(rules) for table, rules in RULES.items()} == {
        table: set(columns) for table, columns in COLUMNS.items()
    }


def test_only_objects_stand_on_pages() -> None:
    """A page of revisions tells nothing of the change log, whatever its name hashes to.

    An object that happened to be on the page of that hash was a false alarm.
    """
    name = key_object("key-0123456789abcdefghijk")
    asked = Question("of both", frozenset({CHANGE_LOG, name}), lambda _: None)
    page = page_object(page_of(name))
    assert on_its_page(asked).about == {CHANGE_LOG, name, page}


def test_no_change_gives_a_wrong_answer(world: World) -> None:
    """Database, blobs and records are changed; answers stay right or are refused."""
    report = _run(world, 200)
    assert report.count == 200
    assert not report.findings, "\n".join(report.lines())
    assert report.refusals.total() > 200


@pytest.mark.slow
def test_no_change_of_thousands_gives_a_wrong_answer(world: World) -> None:
    """The same with ten times as many."""
    report = _run(world, 4_000)
    assert not report.findings, "\n".join(report.lines())


def test_another_answer_is_seen(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A registry that gives another key than was asked for does not pass."""
    honest = Registry.resolve

    def careless(self: Registry, key_id: str, *, primary: bool) -> ResolvedKey:
        del key_id
        other = campaign.world.keys["other"]
        return honest(self, other, primary=primary)

    monkeypatch.setattr(Registry, "resolve", careless)
    _change(campaign, 25)
    assert any("use " in text for text in _findings(campaign))


def test_an_error_that_no_document_knows_is_seen(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failure is no refusal."""

    def failing(self: Registry, key_id: str, *, primary: bool) -> ResolvedKey:
        raise ZeroDivisionError(self, key_id, primary)

    monkeypatch.setattr(Registry, "resolve", failing)
    _change(campaign, 25)
    assert any("ZeroDivisionError" in text for text in _findings(campaign))


def test_a_key_that_nobody_touched_and_does_not_work_is_seen(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A documented refusal is wrong, too, where nothing was changed."""

    def refusing(self: Registry, key_id: str, *, primary: bool) -> ResolvedKey:
        del self, key_id, primary
        raise KeyNotFound

    monkeypatch.setattr(Registry, "resolve", refusing)
    _change(campaign, 25)
    assert any("not touched" in text for text in _findings(campaign))


def test_a_blob_that_opens_in_spite_of_its_change_is_seen(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An instance that does not compare the Aad does not pass."""
    honest = type(campaign.here.instance).decrypt

    def careless(self: object, blob: bytes, **named: bytes) -> object:
        texts = (text for text in campaign.world.texts if text.blob == blob)
        if (text := next(texts, None)) is not None:
            named["aad"] = text.aad
        return honest(self, blob, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(type(campaign.here.instance), "decrypt", careless)
    for number in range(300):
        campaign.text(number, record=False)
    assert any("Aad" in kind for kind in campaign.report.findings)


def _change(campaign: Campaign, count: int) -> None:
    for number in range(count):
        campaign.database(number)


def _findings(campaign: Campaign) -> list[str]:
    return [text for texts in campaign.report.findings.values() for text in texts]


def test_what_was_changed_is_as_it_was(campaign: Campaign) -> None:
    """Each change is taken back, even one after which something was written."""
    _change(campaign, 50)
    assert campaign.rows.all() == campaign.base
    campaign.here.forget()
    campaign.here.registry.create_key("written in between")
    campaign.rows.restore(campaign.base)
    assert campaign.rows.all() == campaign.base


def test_a_world_is_written_down_whole(sqlite_world: World, tmp_path: Path) -> None:
    """Another process goes on with what this one has made."""
    sqlite_world.save(tmp_path / "world")
    assert World.load(tmp_path / "world", sqlite_world.url) == sqlite_world
