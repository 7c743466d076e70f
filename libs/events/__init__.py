"""The wire contract: what stands on the topics, and how it is read and written.

Imports msgspec and nothing of ours, so that any Python consumer of `order-events` can take this package alone.
"""
