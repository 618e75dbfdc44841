"""One module a group of pages: a request that was let in comes in, a page or a download goes out.

What is asked stands in the ledger before it is asked; what is changed is changed by the public functions.
"""
