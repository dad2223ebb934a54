"""The monthly billing run: a folder with the statement of every workspace, a summary and an index."""
