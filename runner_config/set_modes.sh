#!/bin/sh
# Set up the accounts' rights to a lake on one machine; docs/security.md says who needs what. Run as root:
#
#   set_modes.sh LAKE INGEST TRACER PUBLISHER AUTHORITY AUDITOR
#
# The five are accounts whose primary groups are their own. Running it again repairs what has drifted.
set -eu

fail() {
    echo "set_modes.sh: $2" >&2
    exit "$1"
}

[ "$#" -eq 6 ] || fail 2 "write set_modes.sh LAKE INGEST TRACER PUBLISHER AUTHORITY AUDITOR"
lake=${1%/} keys=${1%/}.keys ingest=$2 tracer=$3 publisher=$4 authority=$5 auditor=$6

[ "$(id -u)" -eq 0 ] || fail 5 "only root gives files to other accounts"
[ -f "$lake/lake.json" ] || fail 3 "there is no lake at $lake"
[ -d "$keys" ] || fail 3 "there are no keys at $keys"
for account in "$ingest" "$tracer" "$publisher" "$authority" "$auditor"; do
    id "$account" > /dev/null 2>&1 || fail 2 "there is no account $account"
done
for account in "$ingest" "$tracer" "$publisher" "$authority" "$auditor"; do
    for other in "$ingest" "$tracer" "$publisher" "$authority" "$auditor"; do
        [ "$account" = "$other" ] && continue
        if id -nG "$account" | tr ' ' '\n' | grep -qx "$(id -gn "$other")"; then
            fail 5 "$account must not be in the group of $other"
        fi
    done
done

# own FOLDER OWNER GROUP_OF FOLDER_MODE FILE_MODE: links are not followed, so that none leads out of the folder
own() {
    chown -hR "$2:$(id -gn "$3")" "$1"
    find "$1" -type d -exec chmod "$4" {} +
    find "$1" -type f -exec chmod "$5" {} +
}

# The lake: ingest writes it, the tracer reads it, and what is written later too (mode 2750: lake/durable_files.py).
own "$lake" "$ingest" "$tracer" 2750 0640
# What a question does not need: sealed identifiers, and the scratch of runs.
for folder in "$lake/vault" "$lake/_scratch"; do
    if [ -d "$folder" ]; then chmod g-s "$folder"; own "$folder" "$ingest" "$ingest" 0700 0600; fi
done

# The keys, and messages that wait for their commit: ingest alone.
own "$keys" "$ingest" "$ingest" 0700 0600
if [ -d "$lake.landing" ]; then own "$lake.landing" "$ingest" "$ingest" 0700 0600; fi

# The ledger of questions: the tracer adds lines, the auditor reads and checks them.
mkdir -p "$lake.ledger"
own "$lake.ledger" "$tracer" "$auditor" 2750 0640

# Counts for the public: the tracer puts them there, the publisher takes them, and reads nothing of the lake.
mkdir -p "$lake.published"
own "$lake.published" "$tracer" "$publisher" 2750 0640

# The authority's private key leaves the keys. It belongs on another machine; until then it lies in its own folder.
mkdir -p "$lake.authority"
if [ -f "$keys/authority.key" ]; then mv "$keys/authority.key" "$lake.authority/authority.key"; fi
own "$lake.authority" "$authority" "$authority" 0700 0600
