#!/usr/bin/env python3
"""A server that speaks the model hub's protocol, and fails on demand.

    hub_server.py SCENARIO.json LOG

Prints its port, then serves until its standard input ends. Large files are redirected to a second port, as the real hub
redirects to a content server. Every request is a line of JSON in LOG. The scenario:

    {"token": "secret",
     "repositories": {"owner/name": {
        "licence": "mit", "commit": "abc", "private": false, "gated": false,
        "files": {"model.gguf": {"size": 100000, "seed": 1, "lfs": true}, "config.json": {"text": "{}"}}}},
     "faults": [{"path": "model.gguf", "kind": "drop", "after": 1000, "times": 3}]}

A file may lie about itself in the listing with `claim_sha256` and `claim_size`. Faults apply to paths that end with
`path`, the first matching one with `times` left (no `times`: always):

    drop           closes the connection after `after` bytes of the body
    stall          sends `after` bytes of the body and then nothing for a minute
    status         answers with `status`, and `retry_after` and `error_code` when given
    corrupt        flips the first byte of what is sent
    ignore_range   answers 200 with everything
    slow           waits `seconds` before the answer
    loop           redirects to itself
    downgrade      redirects to the address in `to`
    no_etag        sends no ETag
    new_version    the file's content and tag are another version's (with `seed`)
    hints          sends a head that only announces (103) before the answer
    shift          answers a range with one that begins a byte later
    basic          asks for a name and a password (401)
    page           answers 200 with a short page of text
    endless        announces another size, and sends for as long as anybody reads
"""

import contextlib
import hashlib
import http.server
import json
import random
import sys
import threading
import time
import urllib.parse

SCENARIO = json.load(open(sys.argv[1]))
LOG = open(sys.argv[2], "a", buffering=1)
LOCK = threading.Lock()


def content(entry, seed=None):
    if "text" in entry:
        return entry["text"].encode()
    return random.Random(entry.get("seed", 0) if seed is None else seed).randbytes(entry["size"])


def listing(name, repository):
    siblings = []
    for path, entry in repository["files"].items():
        data = content(entry)
        size = entry.get("claim_size", len(data))
        sibling = {"rfilename": path, "size": size}
        if entry.get("lfs"):
            digest = entry.get("claim_sha256", hashlib.sha256(data).hexdigest())
            sibling["lfs"] = {"sha256": digest, "size": size, "pointerSize": 130}
        if not entry.get("no_hash"):
            sibling["blobId"] = entry.get("claim_git", hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest())
        siblings.append(sibling)
    answer = {"id": name, "sha": repository.get("commit", "c0ffee"), "siblings": siblings}
    if "licence" in repository:
        answer["cardData"] = {"license": repository["licence"]}
    return answer


def take_fault(path):
    with LOCK:
        for fault in SCENARIO.get("faults", []):
            if path.endswith(fault["path"]) and fault.get("times", 1) > 0:
                if "times" in fault:
                    fault["times"] -= 1
                return fault
    return {}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        path = urllib.parse.unquote(url.path)
        record = {"port": self.server.server_port, "path": self.path}
        for header in ("Authorization", "Range", "If-Range"):
            record[header] = self.headers.get(header)
        with LOCK:
            LOG.write(json.dumps(record) + "\n")
        fault = take_fault(path)
        kind = fault.get("kind")
        if kind == "slow":
            time.sleep(fault["seconds"])
        if kind == "status":
            return self.refuse(fault["status"], fault.get("error_code"), fault.get("retry_after"))
        if kind == "basic":
            return self.refuse(401, challenge='Basic realm="mirror"')
        if kind == "loop":
            return self.redirect(self.path)
        if kind == "downgrade":
            return self.redirect(fault["to"])
        self.route(path, fault)

    def route(self, path, fault):
        parts = path.strip("/").split("/")
        if parts[:2] == ["api", "models"] and len(parts) >= 6:
            return self.with_repository("/".join(parts[2:4]), lambda name, found: self.list(name, found, "/".join(parts[5:])))
        if len(parts) >= 5 and parts[2] == "resolve":
            return self.with_repository("/".join(parts[:2]), lambda name, found: self.resolve(name, found, "/".join(parts[4:]), fault))
        if parts[0] == "content" and self.server is not MAIN:
            repository = SCENARIO["repositories"]["/".join(parts[1:3])]
            return self.send(repository["files"]["/".join(parts[3:])], fault)
        self.refuse(404)

    def with_repository(self, name, action):
        repository = SCENARIO["repositories"].get(name)
        allowed = self.headers.get("Authorization") == f"Bearer {SCENARIO.get('token')}"
        if self.headers.get("Authorization") and not allowed:
            return self.refuse(401)
        if repository is None or (repository.get("private") and not allowed):
            return self.refuse(404 if allowed else 401, "RepoNotFound")
        if repository.get("gated") and not allowed:
            return self.refuse(401, "GatedRepo")
        action(name, repository)

    def list(self, name, repository, revision):
        if revision not in ("main", repository.get("commit", "c0ffee"), *repository.get("branches", [])):
            return self.refuse(404, "RevisionNotFound")
        body = json.dumps(listing(name, repository)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def resolve(self, name, repository, file, fault):
        entry = repository["files"].get(file)
        if entry is None:
            return self.refuse(404, "EntryNotFound")
        if entry.get("lfs"):
            host = f"http://127.0.0.1:{CONTENT.server_port}"
            return self.redirect(f"{host}/content/{name}/{urllib.parse.quote(file)}?signature=s3cret")
        self.send(entry, fault)

    def send(self, entry, fault):
        kind = fault.get("kind")
        data = content(entry, fault["seed"] if kind == "new_version" else None)
        tag = '"%s"' % hashlib.sha256(data).hexdigest()[:16]
        start = 0
        requested = self.headers.get("Range")
        condition = self.headers.get("If-Range")
        if requested and kind != "ignore_range" and condition in (None, tag):
            start = int(requested.removeprefix("bytes=").split("-")[0])
            if start >= len(data):
                return self.refuse(416)
        if kind == "page":
            data, start = b"<html>Please wait.</html>", 0
        if kind == "shift" and start:
            start += 1
        end = len(data)
        if start or requested and kind not in ("ignore_range", "page") and condition in (None, tag):
            end = int(requested.split("-")[1] or end - 1) + 1
        body = data[start:end]
        is_part = len(body) < len(data)
        if kind == "hints":
            self.wfile.write(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n")
        self.send_response(206 if is_part else 200)
        if kind == "endless":
            self.send_header("Content-Length", str(len(data) << 40))
            self.end_headers()
            with contextlib.suppress(OSError):
                while True:
                    self.wfile.write(bytes(1 << 16))
                    time.sleep(0.01)
            self.close_connection = True
            return
        self.send_header("Content-Length", str(len(body)))
        if is_part:
            self.send_header("Content-Range", f"bytes {start}-{start + len(body) - 1}/{len(data)}")
        if kind != "no_etag":
            self.send_header("ETag", tag)
        self.end_headers()
        if kind == "corrupt" and body:
            body = bytes([body[0] ^ 0xFF]) + body[1:]
        if kind == "stall":
            self.wfile.write(body[: fault["after"]])
            self.wfile.flush()
            time.sleep(60)
            self.close_connection = True
            return
        if kind == "drop":
            self.wfile.write(body[: fault["after"]])
            self.wfile.flush()
            self.connection.shutdown(2)
            self.close_connection = True
            return
        self.wfile.write(body)

    def redirect(self, target):
        self.send_response(302)
        self.send_header("Location", target)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def refuse(self, status, code=None, retry_after=None, challenge=None):
        self.send_response(status)
        if challenge:
            self.send_header("WWW-Authenticate", challenge)
        if code:
            self.send_header("X-Error-Code", code)
        if retry_after is not None:
            self.send_header("Retry-After", str(retry_after))
        self.send_header("Content-Length", "0")
        self.end_headers()


MAIN = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
CONTENT = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
for server in (MAIN, CONTENT):
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
print(MAIN.server_port, CONTENT.server_port, flush=True)
sys.stdin.read()
