"""Many streamed completions at once over HTTP/1.1.

While they run, the bytes that come are only noted with their time; they are read afterwards. So the client takes next to
nothing from a server on the same machine.
"""

import bisect
import json
import selectors
import socket
import sys
import time

HOST = "127.0.0.1"


class Stream:
    """One request and what came back."""

    def __init__(self, port, body):
        text = json.dumps(body).encode()
        head = f"POST /v1/completions HTTP/1.1\r\nHost: {HOST}:{port}\r\nContent-Type: application/json\r\n"
        head += f"Content-Length: {len(text)}\r\nConnection: close\r\n\r\n"
        self.port = port
        self.message = head.encode() + text
        self.pieces = []
        self.times = []
        self.sent = None

    def open(self):
        connection = socket.create_connection((HOST, self.port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sent = time.monotonic()
        connection.sendall(self.message)
        return connection

    def receive(self, connection):
        """Notes what has come; false at the end."""
        piece = connection.recv(65536)
        self.times.append(time.monotonic())
        self.pieces.append(piece)
        return bool(piece)

    def answer(self):
        """The answer, once all of it has come."""
        return Answer(self.sent, self.received())

    def received(self):
        """The events that have come whole, each with its time."""
        head, _, _ = b"".join(self.pieces).partition(b"\r\n\r\n")
        if b" 200 " not in head.split(b"\r\n", 1)[0] + b" ":
            sys.exit(f"The server refused a request:\n{b''.join(self.pieces).decode(errors='replace')[:2000]}")
        return list(self.events(len(head) + 4))

    def events(self, begin):
        """Each event's object with the time when the last of its chunk had come."""
        raw = b"".join(self.pieces)
        ends = []
        for piece in self.pieces:
            ends.append((ends[-1] if ends else 0) + len(piece))
        text, position = b"", begin
        while (line_end := raw.find(b"\r\n", position)) >= 0 and (size := int(raw[position:line_end], 16)) > 0:
            position = line_end + 2 + size
            if position > len(raw):
                return
            text += raw[line_end + 2 : position]
            *complete, text = text.split(b"\n\n")
            instant = self.times[bisect.bisect_left(ends, position)]
            for event in complete:
                if event.startswith(b"data: ") and event != b"data: [DONE]":
                    yield instant, json.loads(event[6:])
            position += 2


class Answer:
    """When an answer's pieces came, and what it counted."""

    def __init__(self, sent, events):
        self.sent = sent
        self.usage = next((event["usage"] for _, event in events if event.get("usage")), None)
        if self.usage is None:
            sys.exit(f"An answer ended without its token counts: {events[-1] if events else 'nothing came'}")
        self.times = text_times(events)
        if not self.times:
            sys.exit(f"No text came in an answer of {self.usage}.")

    @property
    def first(self):
        return self.times[0]

    @property
    def last(self):
        return self.times[-1]


def text_times(events):
    """When those of the events came that bring text."""
    return [instant for instant, event in events if any(has_text(choice) for choice in event.get("choices", []))]


def has_text(choice):
    """Whether a choice of an event brings part of the answer: its last event may only say why it ended."""
    return bool(choice.get("text")) or not choice.get("finish_reason")


def run(port, bodies, gap=0.0):
    """Sends every body on a connection of its own, `gap` seconds apart, and returns the answers in the same order."""
    return [stream.answer() for stream in exchange(port, bodies, gap)]


def exchange(port, bodies, gap=0.0):
    """The part of `run` that happens while the server works: returns streams whose answers have come and are not read."""
    streams = [Stream(port, body) for body in bodies]
    begin = time.monotonic()
    opened, closed = 0, 0
    with selectors.DefaultSelector() as selector:
        while closed < len(streams):
            while opened < len(streams) and time.monotonic() >= begin + opened * gap:
                selector.register(streams[opened].open(), selectors.EVENT_READ, streams[opened])
                opened += 1
            pause = max(0, begin + opened * gap - time.monotonic()) if opened < len(streams) else None
            for key, _ in selector.select(pause):
                if not key.data.receive(key.fileobj):
                    selector.unregister(key.fileobj)
                    key.fileobj.close()
                    closed += 1
    return streams
