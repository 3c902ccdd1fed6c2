"""Each dataframe library to and from Arrow; no network."""
