"""Snapshots of partitions: a port with five adapters, one envelope around the bytes, and what is refused, by name.

A snapshot is only ever a shortcut: with none at all, or none that holds, the log from its start gives the same state.
"""
