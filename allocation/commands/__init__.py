"""What can be said on the command line: options, words and exit codes. What is done about it stands in `operators`."""
