"""A running exchange tormented with real faults while clients trade on it, and what became of every order afterwards.

Nothing here knows the services from within: processes are met with signals, stores with full disks, connections by
cutting them, the exchange by its public API, and the verdict comes from the logs and tables alone.
"""
