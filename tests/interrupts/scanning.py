"""Reads a collection as a LazyFrame; is interrupted, or leaves in the middle. `scanning.py '{"leave": …, …}'`."""

import json
import sys
import time
from contextlib import suppress

import qframe as qf

spec = json.loads(sys.argv[1])
lazy = qf.scan(spec["name"], connection=qf.connect(spec["target"], **spec["connect"]))
if spec["leave"]:
    batches = lazy.collect_batches(chunk_size=100, lazy=True)
    print(next(iter(batches)).height, flush=True)
else:
    end = "interrupted"
    # polars' streaming engine delivers one Ctrl-C twice, with any source.
    with suppress(KeyboardInterrupt):
        try:
            lazy.collect(engine=spec["engine"])
            end = "read whole"
        except KeyboardInterrupt:
            time.sleep(0.2)
    print(end, flush=True)
