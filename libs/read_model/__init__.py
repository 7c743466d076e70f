"""The read side's store: tables, their migrations, and the queries that the builder and the query API share.

Integers stand at the scales of their product, times are nanoseconds since the epoch, and everything in the tables is
a projection of `order-events`: it can be dropped and rebuilt from the first offset.
"""
