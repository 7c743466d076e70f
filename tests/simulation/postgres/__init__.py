"""Postgres in memory, for the statements that the projector, the live book and the check send: transactions, locks, crashes.

It passes the same contract as the real server (`tests/contract/test_tables.py`), and is deterministic.
"""
