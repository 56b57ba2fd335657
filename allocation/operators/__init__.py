"""The operators' tools: what each looks at and mends. Their words on the command line stand in `commands`."""
