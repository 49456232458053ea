"""What a plain script needs for the same job, to compare machines and days by: it lists every orchestration of the
simulated account's first profile, and keeps each as JSON with a digest in SQLite. It keeps no promise that tallyd
keeps: no changes, no coverage, no breaks.

    tallyd sim --size 1000000 --profiles 1 --history 300d --arrivals-per-hour 0
    python3 benches/plain_script.py http://127.0.0.1:8080

Writes plain.db into the present folder, and prints the rows, its CPU seconds and its peak memory in MiB.
"""
import hashlib
import json
import pathlib
import resource
import sqlite3
import sys
import urllib.parse
import urllib.request

base = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080"


def ask(path, headers, form=None):
    request = urllib.request.Request(base + path, headers=headers, data=form)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


grant = {
    "grant_type": "client_credentials",
    "client_id": "sim-client",
    "client_secret": "sim-secret",
    "scope": "orchestration:read_orchestration funding:read_profile",
}
token = ask("/oauth2/token", {}, urllib.parse.urlencode(grant).encode())["access_token"]
signed = {"Authorization": "Bearer " + token}
profile = ask("/v2/profiles", signed)["items"][0]["id"]

pathlib.Path("plain.db").unlink(missing_ok=True)
ledger = sqlite3.connect("plain.db")
ledger.executescript(
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
    "CREATE TABLE orchestration (id TEXT PRIMARY KEY, created_at TEXT, status TEXT, body TEXT);"
    "CREATE TABLE journal (seq INTEGER PRIMARY KEY, id TEXT, digest BLOB);"
)
query = {"profile_id": profile, "limit": 1000, "order": "ASC"}
rows = 0
while True:
    page = ask("/v2/orchestration/orchestrations?" + urllib.parse.urlencode(query), signed)
    for row in page["items"]:
        body = json.dumps(row, sort_keys=True)
        digest = hashlib.sha256(body.encode()).digest()
        ledger.execute(
            "INSERT OR REPLACE INTO orchestration VALUES (?, ?, ?, ?)",
            (row["id"], row["created_at"], row["status"], body),
        )
        ledger.execute("INSERT INTO journal (id, digest) VALUES (?, ?)", (row["id"], digest))
        rows += 1
    ledger.commit()
    if not page.get("next_page_cursor"):
        break
    query["page_cursor"] = page["next_page_cursor"]
spent = resource.getrusage(resource.RUSAGE_SELF)
print(f"{rows} rows, {spent.ru_utime + spent.ru_stime:.1f} s of CPU, {spent.ru_maxrss / 1024:.0f} MiB")
