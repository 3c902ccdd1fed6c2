"""qframe gives every polars and pandas dataframe a `.qdrant` namespace."""
