"""Why a run of chaos ends before its time."""


class NotRecovered(Exception):
    """A fault is over, and the exchange does not come back."""


class Impossible(Exception):
    """This machine, or this user, cannot cause such a fault."""
