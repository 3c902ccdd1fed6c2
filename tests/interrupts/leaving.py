"""Takes one frame of a collection and ends while others are on their way. `leaving.py '{"options": …, …}'`."""

import json
import sys
import time

import qframe as qf

spec = json.loads(sys.argv[1])
options = {"batch_size": 500, **spec["options"]}
frames = qf.iter_frames(spec["name"], connection=qf.connect(spec["target"], **spec["connect"]), **options)
print(next(frames).height, flush=True)
time.sleep(0.05)
