"""Public: conformance suites and real services, for whoever adds a store, format, connector or engine."""
