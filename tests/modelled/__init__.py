"""Writes drawn at random, what they do in plain Python, and how a report and the stored points are held against it."""
