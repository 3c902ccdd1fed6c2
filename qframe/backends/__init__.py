"""The places points are stored in, behind one contract."""
