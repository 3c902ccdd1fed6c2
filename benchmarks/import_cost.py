"""What `import qframe` costs in a fresh interpreter, and which of the large libraries it pulls in (none)."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from statistics import median

BAR_MS = 60
HEAVY = ("polars", "pandas", "numpy", "pyarrow", "grpc", "httpx", "joblib", "orjson", "tqdm")
PROGRAM = f"""
import json, sys, time
begin = time.perf_counter()
import qframe
spent = time.perf_counter() - begin
print(json.dumps([spent * 1000, [name for name in {HEAVY!r} if name in sys.modules]]))
"""


@dataclass(frozen=True)
class ImportCost:
    """Milliseconds of each run, and the large libraries that came along."""

    milliseconds: list[float]
    heavy: list[str]

    @property
    def median(self) -> float:
        return median(self.milliseconds)

    @property
    def reached(self) -> bool:
        return self.median < BAR_MS and not self.heavy


def import_cost(runs: int) -> ImportCost:
    """After one run that fills the caches of compiled files."""
    results = [_run() for _ in range(runs + 1)]
    return ImportCost([spent for spent, _ in results[1:]], sorted({name for _, heavy in results for name in heavy}))


def _run() -> tuple[float, list[str]]:
    done = subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True)
    spent, heavy = json.loads(done.stdout)
    return spent, heavy
