"""Lists of some keys: the database picks the very ones that the patterns mean."""

import pytest

from pairsmith.registry import Registry
from pairsmith.registry.selection import Selection
from pairsmith.registry.tags import TagQuery
from places import Place

ALIASES = (
    "alias/app", "alias/App", "alias/app-a", "alias/app-a/b", "alias/app_a",
    "alias/appxa", "alias/aap", "alias/team-app",
)  # fmt: skip
TAGS = (
    {"Team": "edge"}, {"Team": "Edge"}, {"team": "edge"}, {"Team": ""},
    {"Stage": "a_b"}, {"Stage": "axb"}, {"Stage": r"a\b"},
    {"Stage": r"a\\b", "Team": "core"},
)  # fmt: skip
SELECTIONS = [
    Selection(),
    Selection(aliases=("alias/app",)),
    Selection(aliases=("alias/app*",)),
    Selection(aliases=("alias/app_*",)),
    Selection(aliases=("alias/*a",)),
    Selection(aliases=("alias/a*p*a",)),
    Selection(aliases=("alias/none", "alias/t*", "alias/aa*p")),
    Selection(tags=(("Team", "edge"),)),
    Selection(tags=(("Team", "*"),)),
    Selection(tags=(("Team", "e*"), ("Stage", "a_b"))),
    Selection(tags=(("Team", ""),)),
    Selection(tags=(("Stage", r"a\b"),)),
    Selection(tags=(("Stage", r"a\*b"),)),
    Selection(tags=(("Stage", "a*b"),)),
    Selection(aliases=("alias/App",), tags=(("team", "edge"),)),
]


@pytest.fixture
def registry(place: Place) -> Registry:
    """A registry with a key for each alias and each set of tags."""
    opened = place.open()
    for alias in ALIASES:
        opened.create_alias(alias, opened.create_key(alias).key_id)
    for labels in TAGS:
        opened.create_key(tags=labels)
    return opened


def test_lists_show_and_count_what_is_selected(registry: Registry) -> None:
    """Keys, aliases and tags, as the patterns mean them: upper case is not lower."""
    keys = registry.list_keys(page_size=100).items
    names = registry.list_aliases(page_size=100).items
    labels = registry.search_tags(TagQuery())
    ids = [key.key_id for key in keys]
    every = [*SELECTIONS, Selection(key_ids=(ids[0], ids[-1], "none"))]
    for selection in every:
        meant = [
            key_id
            for key_id in ids
            if selection.fits(
                key_id,
                [each.alias_name for each in names if each.key_id == key_id],
                {each.tag_key: each.tag_value for each in labels
                 if each.key_id == key_id},
            )
        ]  # fmt: skip
        shown = registry.list_keys(page_size=100, within=selection)
        assert [key.key_id for key in shown.items] == meant, selection
        assert shown.total_count == len(meant)
        aliases = registry.list_aliases(page_size=100, within=selection)
        assert list(aliases.items) == [each for each in names if each.key_id in meant]
        assert aliases.total_count == len(aliases.items)
        found = registry.search_tags(TagQuery(within=selection))
        assert list(found) == [each for each in labels if each.key_id in meant]


def test_pages_follow_each_other_within_a_selection(registry: Registry) -> None:
    """Each key comes once, in order, and every page tells the same total."""
    selection = Selection(aliases=("alias/*",))
    pages = [registry.list_keys(number, 3, within=selection) for number in (1, 2, 3, 4)]
    described = [key.description for page in pages for key in page.items]
    assert described == list(ALIASES)
    assert [len(page.items) for page in pages] == [3, 3, 2, 0]
    assert {page.total_count for page in pages} == {len(ALIASES)}


def test_filters_narrow_a_selection(registry: Registry) -> None:
    """A key must fit both; one that is not meant cannot be found by any filter."""
    selection = Selection(tags=(("Team", "*"),))
    filters = {"tag_value": ["edge", "a_b"]}
    page = registry.list_keys(filters=filters, within=selection)
    assert page.total_count == 1
    page = registry.list_keys(filters={"alias_name": ["alias/app"]}, within=selection)
    assert page.total_count == 0


def test_rows_that_nobody_authenticated_show_a_key_to_nobody(
    registry: Registry, place: Place
) -> None:
    """An alias or tag that was written by SQL does not put its key on a list."""
    wanted = registry.create_key("hidden")
    mine = registry.create_key("mine")
    registry.create_alias("alias/mine-a", mine.key_id)
    registry.tag_key(mine.key_id, {"Own": "yes"})
    names, labels = Selection(aliases=("alias/mine*",)), Selection(tags=(("Own", "*"),))
    for statement in (
        "INSERT INTO aliases (alias_name, key_id) VALUES ('alias/mine-b', :key)",
        "INSERT INTO tags (key_id, tag_key, tag_value) VALUES (:key, 'Own', 'yes')",
    ):
        place.execute(statement, key=wanted.key_id)
    place.execute("UPDATE registry SET change_counter = change_counter + 1")
    for selection in (names, labels):
        shown = registry.list_keys(within=selection).items
        assert [key.key_id for key in shown] == [mine.key_id]
        aliases = registry.list_aliases(within=selection).items
        assert [each.alias_name for each in aliases] == ["alias/mine-a"]
        tags = registry.search_tags(TagQuery(within=selection))
        assert [each.key_id for each in tags] == [mine.key_id]
    by_id = Selection(key_ids=(wanted.key_id,))
    (key,) = registry.list_keys(within=by_id).items
    assert (key.key_id, str(key.key_state)) == (wanted.key_id, "Unavailable")
