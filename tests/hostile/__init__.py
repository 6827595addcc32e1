"""Ops on what nobody should give them, in processes of their own; see `__main__` for its use.

`rows` varies the inputs of the op table's rows one by one; `programs` draws whole programs of a
single op, attributes and all, from any source of choices; `execution` builds and runs what was
drawn and says what is allowed to come out: a result that its static type admits, or a typed error
that names the node.
"""
