"""The processes of the exchange. They never import each other: they meet in the log."""
