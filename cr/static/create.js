// The guided flow.
