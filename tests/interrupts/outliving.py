"""Upserts in a thread, which goes on when the main thread has come to its end. `outliving.py SPEC`."""

import json
import sys
import threading

import pyarrow as pa

import qframe as qf

spec = json.loads(sys.argv[1])
table = pa.table({"id": pa.array(range(spec["rows"]), pa.uint64())})
begun = threading.Event()


def write() -> None:
    with qf.connect(spec["target"], **spec["connect"]) as connection:
        options = {"vector": False, "errors": "report", **spec["options"]}
        collection = qf.collection(spec["name"], connection=connection)
        report = collection.upsert(table, progress=lambda done, total: begun.set(), **options)
    states = {state: report.rows(state).tolist() for state in report.counts}
    said = {"ended_by": report.ended_by, "states": states, "failures": len(report.failures)}
    print(json.dumps(said), flush=True)


threading.Thread(target=write).start()
begun.wait()
