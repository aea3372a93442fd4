"""The few pages of an LMDB 0.9 file that must be read before LMDB maps it."""

import os
import struct

# A page's header: its number, nothing, flags, where the free space begins; a node's: octets, flags, key.
PAGE, NODE = struct.Struct("<QHHHH"), struct.Struct("<IHH")
BRANCH, LEAF, LARGE = 1, 2, 1
# As many pages at the end may be missing because LMDB gave them back before it wrote them.
MISSING_MAX = 1024


def missing(path) -> str | None:
    """What a file lacks of what its newest meta page says, in words; nothing when it is long enough.

    LMDB maps a file without asking how long it is, and reading beyond its end kills the process.
    Pages at the end that are on the list of free pages are never read, and may be missing."""
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        head = file.read(2 * 65536)
        if len(head) < 8192:
            return "the file is shorter than its two meta pages"
        # MDB_page header (16), then MDB_meta: magic, version, address, map size, two MDB_db of 48.
        page_size = struct.unpack_from("<I", head, 16 + 24)[0]
        metas = []
        for offset in (0, page_size):
            if len(head) < offset + 152:
                continue
            magic, version = struct.unpack_from("<II", head, offset + 16)
            if magic == 0xBEEFC0DE and version == 1:
                last_page, transaction = struct.unpack_from("<QQ", head, offset + 16 + 120)
                metas.append((transaction, last_page, offset))
        if not metas or page_size & (page_size - 1) or not 512 <= page_size <= 65536:
            return "no meta page of LMDB 0.9"
        _, last_page, offset = max(metas)
        wanted = range(size // page_size, last_page + 1)
        if not wanted:
            return None
        if len(wanted) <= MISSING_MAX:
            depth, root = struct.unpack_from("<H", head, offset + 46), struct.unpack_from(
                "<Q", head, offset + 80)
            try:
                if set(wanted) <= set(_free_pages(file, page_size, root[0], depth[0])):
                    return None
            except (struct.error, IndexError, ValueError):
                pass
    return f"the file has {size} octets, its newest meta page needs {(last_page + 1) * page_size}"


def _read(file, page_size: int, number: int, pages: int = 1) -> bytes:
    file.seek(number * page_size)
    octets = file.read(pages * page_size)
    if len(octets) < pages * page_size or PAGE.unpack_from(octets)[0] != number:
        raise ValueError(f"page {number}")
    return octets


def _free_pages(file, page_size: int, number: int, depth: int):
    """The pages that the list of free ones names, below a page of its tree."""
    if not 1 <= depth <= 32:
        raise ValueError(f"a tree of {depth} levels")
    page = _read(file, page_size, number)
    _, _, flags, lower, _ = PAGE.unpack_from(page)
    if flags != (LEAF if depth == 1 else BRANCH):
        raise ValueError(f"page {number}")
    for (place,) in struct.iter_unpack("<H", page[16:lower]):
        low, more, key = NODE.unpack_from(page, place)
        if depth > 1:
            yield from _free_pages(file, page_size, low | more << 32, depth - 1)
            continue
        value = page[place + 8 + key:place + 8 + key + (8 if more & LARGE else low)]
        if more & LARGE:
            pages = (15 + low) // page_size + 1
            first = struct.unpack("<Q", value)[0]
            value = _read(file, page_size, first, pages)[16:16 + low]
        count = struct.unpack_from("<Q", value)[0]
        if count > len(value) // 8 - 1:
            raise ValueError(f"page {number}")
        yield from struct.unpack_from(f"<{count}Q", value, 8)
