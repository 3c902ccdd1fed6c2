"""`Collection`: every verb and option, documented once and typed (`reader`, `searcher`, … beside it); holds no logic.

The flows are imported where they are called, so that `import qframe` and completion cost nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from qframe.connection import Connection, as_connection
from qframe.model.names import check_collection
from qframe.verbs.batcher import Batcher
from qframe.verbs.checker import Checker
from qframe.verbs.explainer import Explainer
from qframe.verbs.finder import Finder
from qframe.verbs.naming import methods_called
from qframe.verbs.reader import Reader
from qframe.verbs.searcher import Searcher
from qframe.verbs.writer import Writer

if TYPE_CHECKING:
    from qframe.model.requests import CollectionInfo
    from qframe.write.create import IfExists


@methods_called("Collection")
@dataclass(frozen=True, slots=True)
class Collection(Reader, Explainer, Finder, Searcher, Writer, Batcher, Checker):
    """A collection on a target; a name and a connection, nothing is opened before a verb is called.

    Parameters
    ----------
    name : str
        Name or alias.
    connection : Connection
        Where it is.

    Raises
    ------
    OptionError
        The name is not text, empty, longer than 255 characters, or has a slash.
    """

    name: str
    connection: Connection

    def __post_init__(self) -> None:
        check_collection(self.name)

    @staticmethod
    def of(name: str, connection: Any = None) -> Collection:
        """The collection `name` on whatever `connection` names; what `qframe.collection` calls.

        Parameters
        ----------
        name : str
            Name or alias.
        connection : Connection or whatever `qframe.connect` takes, optional
            Default: what `qframe.set_connection` has set, else what `qframe.connect()` says.
        """
        return Collection(name, as_connection(connection))

    def exists(self) -> bool:
        """Whether there is such a collection (or alias).

        Raises
        ------
        UnreachableError
            Nothing answers.
        """
        from qframe.administration import exists

        return exists(self.connection, self.name)

    def info(self) -> CollectionInfo:
        """Vectors, indexes, number of points and configuration.

        Returns
        -------
        CollectionInfo

        Raises
        ------
        CollectionNotFoundError
            There is no such collection.
        """
        from qframe.administration import info

        return info(self.connection, self.name)

    def drop(self) -> bool:
        """Remove the collection with all its points. False when there was none."""
        from qframe.administration import drop

        return drop(self.connection, self.name)

    def create_index(self, field: str, type: str | Mapping[str, Any]) -> None:  # noqa: A002 - Qdrant's word
        """Make a payload index.

        Parameters
        ----------
        field : str
            Payload key, or a path such as ``"address.city"``.
        type : str or mapping
            ``"keyword"``, ``"integer"``, ``"float"``, ``"bool"``, ``"datetime"``, ``"uuid"``, ``"geo"``, ``"text"``,
            or the object of Qdrant's REST API, for example ``{"type": "keyword", "is_tenant": True}``.

        Raises
        ------
        CollectionNotFoundError
            There is no such collection.
        OptionError
            The type is none of these.
        ServerError
            The target refuses the parameters.
        """
        from qframe.administration import create_index

        create_index(self.connection, self.name, field, type)

    def drop_index(self, field: str) -> None:
        """Remove the payload index of `field`; the payload itself stays.

        Parameters
        ----------
        field : str
            As given to `create_index`.

        Raises
        ------
        CollectionNotFoundError
            There is no such collection.
        """
        from qframe.administration import drop_index

        drop_index(self.connection, self.name, field)

    def create_collection(
        self,
        data: Any = None,
        *,
        vector: Any = None,
        distance: str | Mapping[str, str] = "cosine",
        indexes: Literal["auto"] | Mapping[str, Any] | None = None,
        on_disk: bool | None = None,
        datatype: str | None = None,
        quantization: Mapping[str, Any] | None = None,
        shard_number: int | None = None,
        replication_factor: int | None = None,
        if_exists: IfExists = "raise",
        config: Mapping[str, Any] | None = None,
    ) -> bool:
        """Make the collection, with the vectors that the frame has.

        Parameters
        ----------
        data : frame, optional
            Anything `upsert` takes; only its schema (and the width of its list columns) is looked at. Without it the
            vectors must be in `config`.
        vector : str, sequence, mapping, array or False, optional
            Which columns are vectors, as in `Collection.upsert`.
        distance : str or mapping
            ``"cosine"``, ``"dot"``, ``"euclid"``, ``"manhattan"``, for all vectors or by vector name (``""`` is the
            unnamed one). Qdrant normalises cosine vectors when it stores them.
        indexes : "auto", mapping or None
            Payload indexes: a mapping of field to type, or ``"auto"`` for booleans, integers, datetimes, Enum,
            Categorical and the shard key; never free text.
        on_disk : bool, optional
            Whether vectors stay on disk; this and the next four are Qdrant's parameters, None leaves the server's
            default.
        datatype : str, optional
            What the server stores for each number: ``"float32"``, ``"float16"``, ``"uint8"``.
        quantization : mapping, optional
            Qdrant's ``quantization_config``.
        shard_number, replication_factor : int, optional
            Of the collection.
        if_exists : "raise", "ignore" or "replace"
            ``"replace"`` removes the collection and all its points first.
        config : mapping, optional
            Further parts of the body of Qdrant's REST call, as they are; they win over what is derived.

        Returns
        -------
        bool
            Whether a collection was made.

        Raises
        ------
        CollectionExistsError
            It is there already, with ``if_exists="raise"``.
        FrameError
            No vector can be derived from the frame: two candidates, an unknown dimension, a name Qdrant does not allow.
        OptionError
            An unknown distance, index type or option.
        UnsupportedError
            The target cannot do what `config` says.
        """
        from qframe.write.create import create_collection

        return create_collection(
            self.connection,
            self.name,
            data,
            vector=vector,
            distance=distance,
            indexes=indexes,
            on_disk=on_disk,
            datatype=datatype,
            quantization=quantization,
            shard_number=shard_number,
            replication_factor=replication_factor,
            if_exists=if_exists,
            config=config,
        )
