"""Operations on labels of keys, which are tags and aliases; ``Registry`` has them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from pairsmith.model import Alias, Page, Tag
from pairsmith.registry import aliases, listing, parameters
from pairsmith.registry import tags as tag_rows
from pairsmith.registry.access import Access
from pairsmith.registry.selection import Selection
from pairsmith.registry.tags import TagQuery


class LabelOperations:
    """Tags and aliases of keys: put on, taken off, listed."""

    _access: Access

    # Tags.

    def tag_key(self, key_id: str, tags: Mapping[str, str]) -> None:
        """Put tags on a key, 20 at most; one that exists gets the new value."""
        name = parameters.key_name(key_id)
        wanted = parameters.tags(tags)
        with self._access.changing("TagResource") as change:
            tag_rows.put(change, change.key(name).key_id, wanted)

    def untag_key(self, key_id: str, tag_keys: Collection[str]) -> None:
        """Take tags off a key; one it does not have is no error."""
        name = parameters.key_name(key_id)
        unwanted = parameters.tag_keys(tag_keys)
        with self._access.changing("UntagResource") as change:
            tag_rows.remove(change, change.key(name).key_id, unwanted)

    def tag_keys(self, key_ids: Sequence[str], tags: Mapping[str, str]) -> None:
        """Put tags on up to 50 keys: on all of them, or in case of an error on none."""
        names = parameters.key_names(key_ids)
        wanted = parameters.tags(tags)
        with self._access.changing("TagResources") as change:
            for name in names:
                tag_rows.put(change, change.key(name).key_id, wanted)

    def untag_keys(
        self, key_ids: Sequence[str], tag_keys: Collection[str] | None
    ) -> None:
        """Take tags, or with ``None`` all of them, off up to 50 keys, or off none."""
        names = parameters.key_names(key_ids)
        unwanted = None if tag_keys is None else parameters.tag_keys(tag_keys)
        with self._access.changing("UntagResources") as change:
            for name in names:
                tag_rows.remove(change, change.key(name).key_id, unwanted)

    def search_tags(self, query: TagQuery) -> tuple[Tag, ...]:
        """List tags of many keys, by key id and then by name."""
        found: list[Tag] = []
        with self._access.stored_keys() as stored:
            while True:
                rows = tag_rows.search(stored.connection, query)
                found += listing.of_shown_keys(stored, rows, query.within)
                end = (rows[-1].key_id, rows[-1].tag_key) if rows else None
                # Ends: what is read begins further on each time, or it is the last.
                is_last = len(rows) < query.limit or end == query.after
                if is_last or len(found) >= query.limit:
                    return tuple(found[: query.limit])
                query = replace(query, after=end)

    def list_tags(self, key_id: str) -> tuple[Tag, ...]:
        """List a key's tags by name; none of a key that is not as it was left."""
        name = parameters.key_name(key_id)
        with self._access.stored_keys() as stored:
            key = stored.find(name)
            if key.fault is not None:
                return ()
            return tuple(tag_rows.of_key(stored.connection, key.key_id))

    # Aliases.

    def create_alias(self, alias_name: str, key_id: str) -> None:
        """Give a key one more name: ``alias/`` and 1 to 255 characters.

        Raises:
            AliasAlreadyExists: Some key has it.
        """
        alias, key = parameters.alias_name(alias_name), parameters.key_name(key_id)
        with self._access.changing("CreateAlias") as change:
            aliases.create(change, alias, key)

    def update_alias(self, alias_name: str, key_id: str) -> None:
        """Bind an alias to another key; neither key changes."""
        alias, key = parameters.alias_name(alias_name), parameters.key_name(key_id)
        with self._access.changing("UpdateAlias") as change:
            aliases.update(change, alias, key)

    def delete_alias(self, alias_name: str) -> None:
        """Forget an alias; its key stays."""
        alias = parameters.alias_name(alias_name)
        with self._access.changing("DeleteAlias") as change:
            aliases.delete(change, alias)

    def list_aliases(
        self,
        page_number: int = 1,
        page_size: int = 10,
        *,
        within: Selection | None = None,
    ) -> Page[Alias]:
        """List all aliases by name, or those of the keys that may be shown."""
        where = parameters.page(page_number, page_size)
        with self._access.stored_keys() as stored:
            return listing.alias_page(stored, where, None, within)

    def list_aliases_by_key_id(
        self, key_id: str, page_number: int = 1, page_size: int = 10
    ) -> Page[Alias]:
        """List the aliases of one key by name; none if it is not as it was left."""
        name = parameters.key_name(key_id)
        where = parameters.page(page_number, page_size)
        with self._access.stored_keys() as stored:
            key = stored.find(name)
            if key.fault is not None:
                return Page((), page_number, page_size, 0, "Aliases.Alias")
            return listing.alias_page(stored, where, key.key_id)
