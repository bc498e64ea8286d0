"""A published rule's life for those who have to be able to show it later.

`lines.py` is the shape of the public history: one line of JSON for each event, and with it what is public at all.
`public.py` tells an event of the log as such a line, `canonical.py` has the bytes that are hashed, `replay.py` makes
the rule of the lines again, and `command.py` is `cr-replay`, which does so offline. Only `public.py` knows the log.
"""
