"""The embedded backend through its contract: what it stores, refuses, survives and answers."""
