"""Upserts, again in a forked process, and again; says how many rows were written. `forking.py SPEC`.

With "locked" it is forked while the locks of qframe's modules are held, as another thread may hold them at any moment.
"""

import json
import os
import sys

import numpy as np
import pyarrow as pa

import qframe as qf
from qframe import connection, temporary
from qframe.backends import opening
from qframe.delivery import gate, worker

spec = json.loads(sys.argv[1])
table = pa.table({"id": pa.array(np.arange(spec["rows"], dtype=np.uint64))})


def written() -> int:
    with qf.connect(spec["target"], **spec["connect"]) as connection:
        collection = qf.collection(spec["name"], connection=connection)
        return collection.upsert(table, vector=False, **spec["options"]).written


mine = written()
locks = [module._lock for module in (connection, temporary, opening, gate, worker)] if spec.get("locked") else []
for lock in locks:
    lock.acquire()
child = os.fork()
if child == 0:
    os._exit(0 if written() == mine else 1)
for lock in locks:
    lock.release()
print(mine, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), written(), flush=True)
