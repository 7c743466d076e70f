"""How the exchange is put on a machine: local runner, gateway, topics, images. No service imports it."""
