"""Upsert, top to bottom: look at the frame, look at the collection, check, create, send, report."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from qframe.backends.faults import answered
from qframe.backends.opening import open_backend
from qframe.connection import Connection
from qframe.delivery.ledger import Ledger
from qframe.errors import CollectionNotFoundError, WriteError, WriteInterrupted
from qframe.frames.sources import Source, open_source
from qframe.model.backend import Backend
from qframe.model.bad import bad_rows, first_bad
from qframe.model.operations import Nulls, UpdateMode, Upsert
from qframe.model.points import Points
from qframe.model.requests import CollectionInfo, Describe, Exists
from qframe.report import WriteReport
from qframe.write.feed import Feed
from qframe.write.flow import send
from qframe.write.options import BATCH_BYTES, BATCH_ROWS, WriteSettings
from qframe.write.progress import ProgressMeter

log = logging.getLogger("qframe")
