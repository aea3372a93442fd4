"""Whole messages: their contents, which may stand in pieces."""

from pathlib import Path

from . import storage
from .events import Decoder


def content(directory: Path, sequence: int) -> bytes:
    """The content of the message whose `received` has the sequence."""
    for event, _ in Decoder(storage.batch(directory, sequence)).events():
        if event["sequence"] == sequence and event["type"] == "received":
            return b"".join(
                storage.content(directory, piece)
                for piece in event.get("content_pieces", [sequence]))
    raise storage.NothingThere(f"event {sequence} is not a received")
