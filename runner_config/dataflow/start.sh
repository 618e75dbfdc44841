#!/bin/sh
# Fetches the lake's keys, then becomes Beam's worker. TRUYVET_SECRETS, set in the image to
# projects/PROJECT/secrets, holds `truyvet-token-key`, `truyvet-event-key` and `truyvet-authority-pub`.
set -eu
umask 077
mkdir -p "$TRUYVET_KEYS"
python - <<'PYTHON'
import os
from pathlib import Path

from google.cloud.secretmanager import SecretManagerServiceClient

client, folder = SecretManagerServiceClient(), Path(os.environ["TRUYVET_KEYS"])
for name in ("token.key", "event.key", "authority.pub"):
    secret = f"{os.environ['TRUYVET_SECRETS']}/truyvet-{name.replace('.', '-')}/versions/latest"
    (folder / name).write_bytes(client.access_secret_version(name=secret).payload.data)
PYTHON
exec /opt/apache/beam/boot "$@"
