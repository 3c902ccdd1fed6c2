"""The main job on the embedded engine: 1,797 handwritten digits as 64-d vectors go in, come back, are searched."""

import polars as pl
from sklearn.datasets import load_digits

import qframe as qf

digits = load_digits()
frame = pl.DataFrame(
    {
        "id": range(len(digits.target)),
        "label": digits.target,
        "ink": digits.data.mean(axis=1),
        "pixels": digits.data.astype("float32"),
    }
)

# The embedded engine in a temporary folder; a server is qf.connect("http://localhost:6333").
with qf.connect(":memory:") as db:
    report = frame.qdrant.upsert("digits", connection=db)
    print(report, end="\n\n")

    dark_threes = (
        qf.scan("digits", connection=db)
        .filter(pl.col("label") == 3, pl.col("ink") > 5.5)
        .select("id", "label", "ink")
        .sort("ink", descending=True)
    )
    print("the darkest threes:", dark_threes.collect(), sep="\n")

    for row in (0, 1, 2):
        near = qf.search("digits", digits.data[row], limit=4, columns=["label"], connection=db)
        print(f"\nnearest to row {row}, a {digits.target[row]}:", near, sep="\n")
