"""The model server: REST and gRPC in one event loop, a batcher, and limits that hold."""
