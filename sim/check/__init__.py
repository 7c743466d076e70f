"""Proof that a run was right: the log against itself, and Postgres and the API against a naive reading of the log.

Shares the wire contract with the services (`libs.events`, and `libs.book` as one of the four things compared) and
nothing else: `naive` has the rules of its own, simple enough to be believed, and works out from the commands alone
every event that the exchange must have made of them.
"""
