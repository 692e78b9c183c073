"""The online inspector as a service: a conversation in; findings, what to do, and the breaker's state out."""
