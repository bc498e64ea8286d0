"""What happened, and what may happen next: the log and the aggregates that decide.

`base` the shape of an event, `draft` and `rule` the two aggregates, `payload` and `document` the two texts they carry,
`application` the commands, `store` the log in PostgreSQL.
"""
