"""The nearest points: of one vector, or of those in each row of a frame."""
