"""All collections of a server: names, aliases, the temporary folder they lie in."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any
from uuid import uuid4

from qdrant_client.http import models as rest

from . import config as configs
from .collection import Collection
from .errors import ApiError, ValidationError, already_exists, from_engine, not_found
from .version import Version

FORBIDDEN = '<>:"/\\|?*\0\x1f'


class Engine:
    """The collections; one folder each, gone with the server."""

    def __init__(self, root: Path, version: Version, *, refill: bool, lag: float) -> None:
        self.root, self.version, self.refill, self.lag = root, version, refill, lag
        self.collections: dict[str, Collection] = {}
        self.aliases: dict[str, str] = {}

    def get(self, name: str) -> Collection:
        found = self.collections.get(self.aliases.get(name, name))
        if found is None:
            raise not_found(f"Collection `{name}` doesn't exist!")
        return found

    def exists(self, name: str) -> bool:
        return self.aliases.get(name, name) in self.collections

    def create(self, name: str, create: rest.CreateCollection) -> bool:
        if name in self.collections:
            raise already_exists(name)
        if not 1 <= len(name) <= 255 or any(c in FORBIDDEN for c in name):
            message = "Validation error in path parameters: [name: collection name contains forbidden characters]"
            raise ApiError(message, 422)
        config = configs.described(create)
        folder = self.root / uuid4().hex
        try:
            self.collections[name] = Collection(name, folder, config, refill=self.refill, lag=self.lag)
        except (ApiError, ValidationError):
            raise
        except Exception as error:
            raise from_engine(error) from error
        return True

    def drop(self, name: str) -> bool:
        collection = self.collections.pop(name, None)
        if collection is None:
            return False
        collection.close()
        shutil.rmtree(collection.folder)
        self.aliases = {a: c for a, c in self.aliases.items() if c != name}
        return True

    def change_aliases(self, change: rest.ChangeAliasesOperation) -> bool:
        for action in change.actions:
            match action:
                case rest.CreateAliasOperation():
                    given = action.create_alias
                    self.get(given.collection_name)
                    self.aliases[given.alias_name] = given.collection_name
                case rest.DeleteAliasOperation():
                    self.aliases.pop(action.delete_alias.alias_name, None)
                case rest.RenameAliasOperation():
                    renamed = action.rename_alias
                    if renamed.old_alias_name not in self.aliases:
                        raise not_found(f"Alias {renamed.old_alias_name} does not exists!")
                    self.aliases[renamed.new_alias_name] = self.aliases.pop(renamed.old_alias_name)
        return True

    def list_aliases(self, collection: str | None = None) -> list[dict[str, Any]]:
        return [
            {"alias_name": alias, "collection_name": name}
            for alias, name in sorted(self.aliases.items())
            if collection is None or name == collection
        ]

    def close(self) -> None:
        for collection in self.collections.values():
            collection.close()
