//! Store-and-forward: every record is durable before it is published and stays until it is acknowledged.
