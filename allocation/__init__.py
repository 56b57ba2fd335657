"""The allocation service: batches of stock come in, order lines are allocated, and every consequence is announced."""
