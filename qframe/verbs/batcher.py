"""`Collection.batch`: several operations, sent together; documented and typed, no logic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qframe.verbs.batch import WriteBatch
from qframe.verbs.naming import methods_called

if TYPE_CHECKING:
    from qframe.connection import Connection
    from qframe.delivery.policy import RetryPolicy
    from qframe.model.batch import Missing, Ordering
    from qframe.model.options import Errors
    from qframe.write.options import Progress


@methods_called("Collection")
class Batcher:
    """Operations of several frames, together."""

    __slots__ = ()

    name: str
    connection: Connection

    def batch(
        self,
        *,
        batch_size: int | None = None,
        batch_bytes: int | None = None,
        wait: bool = True,
        ordering: Ordering = "weak",
        timeout: float | None = None,
        deadline: float | None = None,
        retry: RetryPolicy | None = None,
        errors: Errors = "raise",
        max_failures: int | None = None,
        missing: Missing = "report",
        progress: Progress = None,
    ) -> WriteBatch:
        """Operations of several frames, gathered in a with-block and sent in the order written at its end.

        ``with collection.batch() as b:`` gives `b` the verbs ``upsert``, ``update_vectors``, ``set_payload``,
        ``overwrite_payload``, ``delete_payload``, ``clear_payload``, ``delete_vectors`` and ``delete``. It is not a
        transaction.

        Parameters
        ----------
        batch_size : int, optional
            Rows a request, at most; default 10,000 (the embedded engine takes 1,000).
        batch_bytes : int, optional
            Bytes a request, about; default 3,000,000 over gRPC, 6,000,000 over REST.
        wait, ordering, timeout, deadline, retry, max_failures, progress :
            As in `Collection.upsert`.
        errors : "raise" or "report"
            ``"raise"``: a bad row is an error at the line of its verb; at the end of the block, the first request with
            a row that was not written is the last. ``"report"``: what can be written is written, the reports say the
            rest.
        missing : "report" or "skip"
            What a row is whose id is not there when its turn comes: failed, or skipped.

        Returns
        -------
        WriteBatch
            A context manager; after the block `report` and `reports` say what became of every row.

        Raises
        ------
        OptionError
            An option makes no sense.
        WriteError
            At the end of the block, with ``errors="raise"``, when some rows were not written; it carries the report.
        WriteInterrupted
            On Ctrl-C at the end of the block; it carries the report.
        """
        from qframe.write.options import WriteSettings
        from qframe.write.several import Several

        settings = WriteSettings(
            n_jobs=1,
            order="ordered",
            batch_size=batch_size,
            batch_bytes=batch_bytes,
            wait=wait,
            ordering=ordering,
            timeout=timeout,
            deadline=deadline,
            retry=retry,
            errors=errors,
            max_failures=max_failures,
            missing=missing,
            progress=progress,
        )
        return WriteBatch(Several(self.connection, self.name, settings))
