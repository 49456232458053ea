#!/usr/bin/env python3
"""Checks a ledger with nothing of tallyd: the chain of its journal, and every row against it.

    python3 docs/verify-ledger.py ledger.db [BATCH:HASH noted elsewhere]

It follows docs/ledger.md and needs Python's standard library alone. `tallyd ledger verify` does more: it checks the
file, follows rows that were merged, which this script only counts, and the raw text of rows that could not be read.
"""

import datetime
import hashlib
import json
import sqlite3
import struct
import sys

# The fields in the order of their numbers, from 1 on: the path in the journal, the column of the view.
FIELDS = [
    ("profile_id", "profile_id"),
    ("identity_id", "identity_id"),
    ("account_id", "account_id"),
    ("customer_id", "customer_id"),
    ("ref_id", "ref_id"),
    ("source_asset", "source_asset"),
    ("destination_asset", "destination_asset"),
    ("source_amount", "source_amount"),
    ("destination_amount", "destination_amount"),
    ("source_transfer.transfer_id", "source_transfer_id"),
    ("source_transfer.status", "source_transfer_status"),
    ("destination_transfer.transfer_id", "destination_transfer_id"),
    ("destination_transfer.status", "destination_transfer_status"),
    ("status", "status"),
    ("fail_reason.detail", "fail_reason"),
    ("source.profile.profile_id", "source_profile_id"),
    ("source.crypto.address", "source_crypto_address"),
    ("source.crypto.network", "source_crypto_network"),
    ("source.crypto.address_id", "source_crypto_address_id"),
    ("source.fiat.deposit_instructions_id", "source_fiat_deposit_instructions_id"),
    ("source.fiat.memo", "source_fiat_memo"),
    ("destination.profile.profile_id", "destination_profile_id"),
    ("destination.crypto.address", "destination_crypto_address"),
    ("destination.crypto.network", "destination_crypto_network"),
    ("destination.crypto.address_id", "destination_crypto_address_id"),
    ("destination.fiat.bank_account_id", "destination_fiat_bank_account_id"),
    ("destination.fiat.memo", "destination_fiat_memo"),
    ("orchestration_rule_id", "orchestration_rule_id"),
    ("created_at", "created_at"),
    ("updated_at", "updated_at"),
    ("completed_at", "completed_at"),
    ("metadata", "metadata"),
    ("(other fields)", "other_fields"),
]
BLOB, TEXT = 1, 2
TIMES = {"created_at", "updated_at", "completed_at"}
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def number(value):
    return struct.pack("<q", value)


def sized(data):
    return number(len(data)) + data


def micros(text):
    return (datetime.datetime.fromisoformat(text.replace("Z", "+00:00")) - EPOCH) // datetime.timedelta(microseconds=1)


def beginning(ledger):
    """Where the chain begins: batch, seq and head, and the batch of the last pruning, if there was one."""
    api_url, created_at = ledger.execute("SELECT api_url, created_at FROM ledger").fetchone()
    genesis = hashlib.sha256(b"tallyd journal 1\n" + api_url.encode() + b"\n" + number(created_at)).digest()
    checkpoint = ledger.execute("SELECT batch, seq, head, floor, pruned_at FROM checkpoint").fetchone()
    if checkpoint is None:
        return 0, 0, genesis, None
    batch, seq, head, floor, pruned_at = checkpoint
    told = ledger.execute("SELECT batch, body FROM journal_entry WHERE kind = 8 ORDER BY seq DESC LIMIT 1").fetchone()
    body = json.loads(told[1]) if told else {}
    proof = {"checkpoint": f"{batch}:{head.hex()}", "seq": seq, "genesis": genesis.hex()}
    if any(body.get(key) != value for key, value in proof.items()) or [floor, pruned_at] != [
        micros(body[key]) for key in ("before", "pruned_at")
    ]:
        sys.exit("the checkpoint is not the one that the journal tells of")
    return batch, seq, head, told[0]


def chain_head(ledger, noted):
    """The head of the journal, recomputed batch by batch."""
    batch, seq, head, _ = beginning(ledger)
    passed = noted in (None, f"{batch}:{head.hex()}")
    entries = ledger.execute("SELECT batch, seq, kind, orchestration, body FROM journal_entry ORDER BY seq")
    entry = entries.fetchone()
    for row, at, poll, last_seq, stored in ledger.execute(
        "SELECT number, at, poll, last_seq, head FROM journal_batch ORDER BY number"
    ):
        link = hashlib.sha256(head + number(row) + number(at) + number(poll))
        while entry and entry[0] == row:
            _, seq, kind, orchestration, body = entry
            stored_as = TEXT if isinstance(body, str) else BLOB
            body = body.encode() if stored_as == TEXT else body
            link.update(number(seq) + number(kind) + bytes([orchestration is not None, stored_as]))
            link.update(number(orchestration or 0) + sized(body))
            entry = entries.fetchone()
        if row != batch + 1 or seq != last_seq or link.digest() != stored:
            sys.exit(f"batch {row} is not what was written")
        batch, head = row, link.digest()
        passed = passed or f"{batch}:{head.hex()}" == noted
    if entry:
        sys.exit(f"entry {entry[1]} is in no batch")
    if not passed:
        sys.exit(f"the journal does not pass {noted}")
    return f"{batch}:{head.hex()}"


def digest(row):
    """The digest of an orchestration, from a mapping of paths to texts."""
    hasher = hashlib.sha256(sized(row["id"].encode()))
    for place, (path, _) in enumerate(FIELDS, start=1):
        if row[path] is not None:
            value = number(micros(row[path])) if path in TIMES else row[path].encode()
            hasher.update(bytes([place]) + sized(value))
    return hasher.hexdigest()


def check_rows(ledger):
    """Takes every row back through its changes, and holds each state against the journal's digest of it."""
    *_, pruned_in = beginning(ledger)
    stories, carried, missing = {}, {}, {}
    for orchestration, kind, batch, at, after, old in ledger.execute(
        "SELECT orchestration_id, kind, batch, at, digest, old_values FROM journal ORDER BY seq"
    ):
        if kind in ("went_missing", "reappeared"):
            missing[orchestration] = at if kind == "went_missing" else None
        if kind == "carried" and after is not None:
            if old is not None:
                missing[orchestration] = json.loads(old)["missing_since"]
            # What the last pruning kept; what former ones kept tells nothing any more.
            if batch == pruned_in:
                carried[orchestration] = after
        elif kind != "merged" and after is not None and orchestration is not None:
            stories.setdefault(orchestration, []).append((after, json.loads(old) if old else None))
    merged = ledger.execute("SELECT count(*) FROM journal_entry WHERE kind = 6").fetchone()[0]
    rows = 0
    columns = ", ".join(column for _, column in FIELDS)
    for id, missing_since, *values in ledger.execute(f"SELECT id, missing_since, {columns} FROM orchestrations"):
        if missing_since != missing.get(id):
            sys.exit(f"whether orchestration {id} is missing is not what the journal says of it")
        row = dict(zip((path for path, _ in FIELDS), values), id=id)
        story = stories.pop(id, [])
        for after, old in reversed(story):
            if digest(row) != after:
                sys.exit(f"orchestration {id} is not what the journal says of it")
            row.update(old or {})
        appeared = bool(story) and story[0][1] is None
        if not appeared and id not in carried:
            sys.exit(f"the journal never saw orchestration {id} appear")
        if not appeared and carried[id] != digest(row):
            sys.exit(f"orchestration {id} is not what it was when the journal was pruned")
        rows += 1
    # A row may be gone because it was merged into another one, or pruned after it had been carried.
    gone = ledger.execute(
        """SELECT count(*) FROM (
               SELECT max(e.kind = 6) AS merged, min(e.kind = 9 AND e.batch < ?1) AS pruned
               FROM journal_entry AS e LEFT JOIN orchestration AS o ON o.key = e.orchestration
               WHERE e.orchestration IS NOT NULL AND o.key IS NULL GROUP BY e.orchestration
           ) WHERE NOT merged AND NOT pruned""",
        (pruned_in or 0,),
    ).fetchone()[0]
    if stories or gone:
        sys.exit(f"{len(stories) + gone} orchestrations of the journal have no row")
    return rows, merged


def check_breaks(ledger):
    """Holds every break against what the journal's entries about it come to; how many there are."""
    states, gone = {}, {}
    *_, pruned_in = beginning(ledger)
    for batch, at, kind, details in ledger.execute(
        "SELECT batch, at, kind, details FROM journal WHERE kind LIKE 'break_%' ORDER BY seq"
    ):
        details = json.loads(details)
        break_number, kind = details["break"], kind.removeprefix("break_")
        # A break may be gone if a pruning says so, or all that is left of it is that a former pruning carried it.
        with_its_row = kind == "resolved" and (details["by"], details["why"]) == (None, "pruned")
        left_over = kind == "carried" and batch < (pruned_in or 0)
        gone[break_number] = with_its_row or gone.get(break_number, True) and left_over
        state = states.setdefault(break_number, {})
        if kind == "carried":
            states[break_number] = details
        elif kind == "opened":
            state.update(details, opened_at=at, acknowledged=None, resolved=None)
        elif kind == "revised":
            state.update(severity=details["severity"], evidence=details["evidence"])
        elif kind == "acknowledged":
            state["acknowledged"] = {key: details[key] for key in ("by", "why", "until")} | {"at": at}
        elif kind == "unacknowledged":
            state["acknowledged"] = None
        elif kind == "resolved":
            state["resolved"] = {"at": at, "by": details["by"], "why": details["why"]}
    plain = ("kind", "severity", "about", "profile_id", "episode", "former", "opened_at")
    acts = {"acknowledged": ("at", "by", "why", "until"), "resolved": ("at", "by", "why")}
    rows = ledger.execute("SELECT * FROM breaks")
    columns = [column for column, *_ in rows.description]
    count = 0
    for row in rows:
        row = dict(zip(columns, row))
        state = states.pop(row["number"], {})
        expected = [state.get(key) for key in plain]
        expected += [state.get("id"), int(state.get("history", 2)), state.get("evidence")]
        found = [row[key] for key in plain] + [row["subject"], row["history"], json.loads(row["evidence"])]
        for act, keys in acts.items():
            expected += [(state.get(act) or {}).get(key) for key in keys]
            found += [row[f"{act}_{key}"] for key in keys]
        if expected != found:
            sys.exit(f"break {row['number']} is not what the journal says of it")
        count += 1
    lost = [number for number in states if not gone[number]]
    if lost:
        sys.exit(f"{len(lost)} breaks of the journal have no row")
    return count


def main():
    ledger = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
    ledger.execute("BEGIN")
    head = chain_head(ledger, sys.argv[2] if len(sys.argv) > 2 else None)
    rows, merged = check_rows(ledger)
    breaks = check_breaks(ledger)
    print(f"{rows} orchestrations and {breaks} breaks checked, {merged} merged rows not followed")
    print(f"journal head {head}")


main()
