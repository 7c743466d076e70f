"""The projector: `order-events` in, Postgres out, each batch in one transaction with its position."""
