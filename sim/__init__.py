"""Traffic for the exchange, over its public API: a recorded market, simulated traders, and the check that all is right.

Nothing here imports a service. `sim.check` reads the topics and the tables themselves, and keeps a book of its own.
"""
