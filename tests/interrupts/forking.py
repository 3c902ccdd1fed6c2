"""Upserts with loky, again in a forked process, and again; says how many rows were written. `forking.py SPEC`."""

import json
import os
import sys

import numpy as np
import pyarrow as pa

import qframe as qf

spec = json.loads(sys.argv[1])
table = pa.table({"id": pa.array(np.arange(spec["rows"], dtype=np.uint64))})


def written() -> int:
    with qf.connect(spec["target"], **spec["connect"]) as connection:
        collection = qf.collection(spec["name"], connection=connection)
        return collection.upsert(table, vector=False, **spec["options"]).written


mine = written()
child = os.fork()
if child == 0:
    os._exit(0 if written() == mine else 1)
print(mine, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), written(), flush=True)
