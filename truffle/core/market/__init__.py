"""The market of capacity blocks: watches, their answers, and the events between answers."""
