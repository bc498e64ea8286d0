"""What a developer needs beyond the site: an environment, a PostgreSQL server, one command that starts everything."""
