"""Field tables of Qdrant's gRPC messages: facts of the public protocol, as far as qframe sends or reads them."""
