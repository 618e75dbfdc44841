"""One module a group of pages: what is asked, in the ledger, and shown; and the changes made from there."""
