"""Reads only: orders, fills and trades out of Postgres, products and books out of the live book."""
