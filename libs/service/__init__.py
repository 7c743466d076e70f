"""The process chassis: settings, life cycle, clock, logging, metrics, health and problem+json of every service."""
