"""The whole exchange on one machine by Python and its wheels alone: Kafka, PostgreSQL, Valkey and the services."""
