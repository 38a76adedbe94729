"""The programs that take part. Each is a process of its own and reads its arguments in the order of its docstring."""
