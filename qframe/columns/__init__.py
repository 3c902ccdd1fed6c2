"""Kernels between Arrow columns and wire text or bytes; pure, without frames or network."""
