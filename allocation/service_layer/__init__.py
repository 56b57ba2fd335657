"""What the service does with the domain: routing, transactions, and the ports that adapters fill."""
