"""The values that text columns of few values may take; a code is the position."""

DIRECTIONS = ("unknown", "in", "out")
SCAN_MODES = ("", "self", "guard", "kiosk", "manual", "nfc")
AUTHENTICITIES = ("", "unsigned", "mac_valid", "signed_valid")
ENTER_KINDS = ("scanned", "imputed")
EXIT_KINDS = ("scanned", "default", "next_scan")

LINK_SOURCES = ("personal_qr", "card", "declaration", "registration")
"""Where two identifiers were seen together."""
