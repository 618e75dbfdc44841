"""The tracer's pages: requests of a browser on this machine in; pages, confirmed changes and lists out.

Every page is a view of the public functions, in the ledger before it is answered. Refused: a request without
a session, of another host or site, a change without a purpose, a form that is too large.
"""
