"""The guided flow, from a blank page to a published rule: one file per kind of step."""
