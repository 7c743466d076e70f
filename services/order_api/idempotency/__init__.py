"""Telling a request from its repeat: the port, its Redis adapter and its in-memory twin."""
