"""Runs every notebook beside this file from top to bottom, in folders of their own; the first failing cell fails it."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

HERE = Path(__file__).parent
TIMEOUT = 300
"""Seconds for one cell."""


def unclean(notebook: nbformat.NotebookNode) -> list[int]:
    """Numbers of the code cells that were saved with outputs or execution counts."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [number for number, cell in enumerate(cells, 1) if cell.outputs or cell.execution_count is not None]


def run(path: Path) -> str:
    """Execute a notebook; what is wrong with it, or nothing."""
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    if cells := unclean(notebook):
        return f"code cells {cells} were saved with outputs; clear them before committing"
    # Whatever the notebook writes goes with the folder; the file itself stays as it is.
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook, timeout=TIMEOUT, kernel_name="python3", resources={"metadata": {"path": folder}}
        )
        try:
            client.execute()
        except CellExecutionError as error:
            return str(error)
    return ""


def main(names: list[str]) -> int:
    """Run the notebooks named, or all of them; the number of those that failed."""
    failed = 0
    for path in [Path(name) for name in names] or sorted(HERE.glob("*.ipynb")):
        fault = run(path)
        failed += bool(fault)
        sys.stdout.write(f"{path.name}: {fault or 'ok'}\n")
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
