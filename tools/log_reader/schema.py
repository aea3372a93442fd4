"""Classes for the messages of events.proto, made from the file itself.

The protobuf runtime needs a descriptor. protoc could write one, but what it writes is tied to the
runtime's version; the subset of proto3 that the schema uses is read here instead.
"""

import re
from pathlib import Path

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PROTO = Path(__file__).resolve().parents[2] / "schemas" / "waybill" / "log" / "v1" / "events.proto"

_FIELD = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "uint32": _FIELD.TYPE_UINT32, "uint64": _FIELD.TYPE_UINT64, "sint64": _FIELD.TYPE_SINT64,
    "bytes": _FIELD.TYPE_BYTES,
}


def load(path: Path = PROTO):
    """(class of EventBatch, {number: name of the event type in lower case})."""
    file = parse(path.read_text())
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    batch = pool.FindMessageTypeByName(f"{file.package}.EventBatch")
    types = {value.number: value.name.lower() for value in file.enum_type[0].value if value.number}
    return message_factory.GetMessageClass(batch), types


def parse(text: str) -> descriptor_pb2.FileDescriptorProto:
    """The descriptor of a file of flat messages and one enumeration."""
    text = re.sub(r"//[^\n]*", "", text)
    package = re.search(r"package\s+([\w.]+)\s*;", text).group(1)
    file = descriptor_pb2.FileDescriptorProto(
        name="events.proto", package=package, syntax="proto3")
    for kind, name, body in re.findall(r"\b(message|enum)\s+(\w+)\s*\{([^{}]*)\}", text):
        if kind == "enum":
            enum = file.enum_type.add(name=name)
            for value, number in re.findall(r"(\w+)\s*=\s*(\d+)\s*;", body):
                enum.value.add(name=value, number=int(number))
            continue
        message = file.message_type.add(name=name)
        for label, kind_name, field, number in re.findall(
                r"(repeated\s+)?([\w.]+)\s+(\w+)\s*=\s*(\d+)\s*(?:\[[^\]]*\])?\s*;", body):
            entry = message.field.add(
                name=field, number=int(number),
                label=_FIELD.LABEL_REPEATED if label else _FIELD.LABEL_OPTIONAL)
            if kind_name in _SCALARS:
                entry.type = _SCALARS[kind_name]
            else:
                entry.type = _FIELD.TYPE_MESSAGE
                entry.type_name = f".{package}.{kind_name}"
    return file
