"""What `import qframe` costs in a fresh interpreter, and which of the large libraries it pulls in (none)."""

from __future__ import annotations

import json
import subprocess
import sys
from statistics import median

from benchmarks.bars import Verdict

BAR_MS = 60
HEAVY = ("polars", "pandas", "numpy", "pyarrow", "grpc", "httpx", "joblib", "orjson", "tqdm")
PROGRAM = f"""
import json, sys, time
begin = time.perf_counter()
import qframe
spent = time.perf_counter() - begin
print(json.dumps([spent * 1000, [name for name in {HEAVY!r} if name in sys.modules]]))
"""


def import_cost(runs: int) -> Verdict:
    """After one run that fills the caches of compiled files."""
    results = [_run() for _ in range(runs + 1)]
    spent = median(milliseconds for milliseconds, _ in results[1:])
    heavy = sorted({name for _, names in results for name in names})
    found = f"{spent:.0f} ms" + (f", with {', '.join(heavy)}" if heavy else "")
    bar = f"`import qframe`: less than {BAR_MS} ms, none of the large libraries"
    return Verdict(bar, found, spent < BAR_MS and not heavy)


def _run() -> tuple[float, list[str]]:
    done = subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True)
    spent, heavy = json.loads(done.stdout)
    return spent, heavy
