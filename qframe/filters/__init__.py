"""Predicates as Qdrant filters: exact, or a superset, with reasons. Pure; knows neither frames nor wires."""
