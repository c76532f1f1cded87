"""COCO run-length masks, all instances of an image in one pass; byte-identical to pycocotools.

A mask is read column by column (column-major). Its *edges* are the positions where the value differs from the one
before (0 before the first): between edges 2i and 2i + 1 lies foreground. COCO's counts are the differences of
(0, edges..., height * width), each written relative to the count two before it in base 32 (5 bits per character,
bit 5 = more follows, plus 48), as in ``rleToString`` of cocoapi's maskApi.c.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from synthgen.errors import DatasetError, InternalError
from synthgen.kernels import njit
from synthgen.types.annotations import Rle
from synthgen.types.arrays import I32, I64, U8, U16, U64, Bool

_WORD_BITS = 64


@dataclass(frozen=True, eq=False)
class Masks:
    """The masks of instances 1..n of one image, at index k - 1.

    Attributes:
        rles: compressed masks; None where the instance has no pixel.
        areas: (n,) int64 pixels.
        bounds: (n, 4) int32 x, y, width, height of the mask in pixels; zeros where it is empty.
    """

    rles: tuple[Rle | None, ...]
    areas: I64
    bounds: I32


def visible_masks(instance_map: U16, n: int) -> Masks:
    """Masks of all instances of an instance map.

    Args:
        instance_map: (H, W) uint16, 0 = background, k = instance k.
        n: number of instances.

    Raises:
        InternalError: the map holds an index above ``n``.
    """
    owner, position, highest = _map_edges(np.ascontiguousarray(instance_map), n)
    if highest > n:
        raise InternalError(f"the instance map holds index {highest}, but its scene has {n} instances")
    return _masks(owner, position, n, instance_map.shape[0], instance_map.shape[1])


def amodal_masks(words: U64, n: int) -> Masks:
    """Masks of all instances of an amodal bit mask.

    Args:
        words: (H, W, words) uint64; bit (k - 1) % 64 of word (k - 1) // 64 = instance k covers the pixel.
        n: number of instances.

    Raises:
        InternalError: ``n`` instances do not fit into the words.
    """
    height, width, count = words.shape
    if n > count * _WORD_BITS:
        raise InternalError(f"{n} instances do not fit into {count} amodal word(s) of {_WORD_BITS} bits")
    owner, position = _bit_edges(np.ascontiguousarray(words))
    return _masks(owner, position, n, height, width)


def encode_instances(instance_map: U16, n: int) -> list[Rle | None]:
    """The masks of instances 1..n of an (H, W) instance map, None where an instance has no pixel."""
    return list(visible_masks(instance_map, n).rles)


def encode(mask: Bool | U8) -> Rle:
    """One (H, W) mask (bool, or integers with nonzero = foreground); unlike the others it may be empty."""
    rle = visible_masks((np.asarray(mask) != 0).astype(np.uint16), 1).rles[0]
    height, width = mask.shape
    return rle or Rle(height, width, _text(np.array([height * width], dtype=np.int64)))


def decode(rle: Rle) -> Bool:
    """The (H, W) bool mask.

    Raises:
        DatasetError: the counts are not run lengths that fill the mask.
    """
    mask = np.zeros((rle.height, rle.width), dtype=np.bool_)
    _paint(mask, edges(rle))
    return mask


def area(rle: Rle) -> int:
    """Foreground pixels."""
    found = edges(rle)
    return int(found[1::2].sum() - found[::2].sum())


def bounds(rle: Rle) -> tuple[int, int, int, int]:
    """(x, y, width, height) of the foreground in pixels; zeros if there is none."""
    box, _ = _extents(edges(rle), np.array([0, edges(rle).size]), rle.height)
    return int(box[0, 0]), int(box[0, 1]), int(box[0, 2]), int(box[0, 3])


def edges(rle: Rle) -> I64:
    """Sorted positions (column-major) where the mask changes; an even number: the end closes the last run.

    Raises:
        DatasetError: the counts are not run lengths that fill the mask.
    """
    try:
        text = np.frombuffer(rle.counts.encode("ascii"), dtype=np.uint8)
        found, ok = _parse(text, rle.height * rle.width)
    except UnicodeEncodeError:
        ok = False
    if not ok:
        raise DatasetError(
            f"{rle.counts[:40]!r} is not a COCO run-length mask of {rle.width} x {rle.height} pixels; "
            "its runs must be >= 0 and add up to width * height"
        )
    return found


def contains(outer: Rle, inner: Rle) -> bool:
    """Whether every foreground pixel of ``inner`` is foreground of ``outer`` (same size)."""
    return bool(_contains(edges(outer), edges(inner)))


def covers_exactly(rle: Rle, instance_map: U16, index: int, pixels: int) -> bool:
    """Whether the mask is exactly the ``pixels`` pixels of the map that hold ``index``; touches only the mask's own."""
    if instance_map.shape != (rle.height, rle.width):
        return False
    found = edges(rle)
    covered = int(found[1::2].sum() - found[::2].sum())
    return covered == pixels and int(_count_under(instance_map, found, index)) == pixels


@dataclass(frozen=True, eq=False)
class Runs:
    """Several masks of one size, read back from their strings.

    Attributes:
        height: of the masks.
        edges, offsets: the edges of mask k are ``edges[offsets[k] : offsets[k + 1]]`` (see the module's docstring).
        areas: (n,) int64 foreground pixels.
        bounds: (n, 4) int32 x, y, width, height of the foreground in pixels; zeros where there is none.
    """

    height: int
    edges: I64
    offsets: I64
    areas: I64
    bounds: I32


def read_runs(rles: Sequence[Rle]) -> Runs:
    """The masks (all of one size) from their strings, in one pass.

    Raises:
        DatasetError: the counts of a mask are not run lengths that fill it.
    """
    if not rles:
        return Runs(0, np.zeros(0, np.int64), np.zeros(1, np.int64), np.zeros(0, np.int64), np.zeros((0, 4), np.int32))
    height, width = rles[0].height, rles[0].width
    ends = np.cumsum([0, *(len(rle.counts) for rle in rles)])
    try:
        text = np.frombuffer("".join(rle.counts for rle in rles).encode("ascii"), dtype=np.uint8)
        found, offsets, whole = _parse_all(text, ends, height * width)
    except UnicodeEncodeError:
        whole = 0
    if whole < len(rles):
        for one in rles:
            edges(one)  # raises for the first bad one, and says which counts they are
        raise InternalError(f"mask {whole} of {len(rles)} can be read alone, but not with the others")
    box, areas = _extents(found, offsets, height)
    return Runs(height, found, offsets, areas, box)


def pixels_held(runs: Runs, instance_map: U16, indices: I64) -> I64:
    """(n,) how many pixels of mask k hold ``indices[k]`` in the map, which has the size of the masks."""
    return _pixels_held(runs.edges, runs.offsets, instance_map, indices)


def each_contains(outer: Runs, inner: Runs) -> Bool:
    """(n,) whether every foreground pixel of inner mask k is foreground of outer mask k."""
    return _each_contains(outer.edges, outer.offsets, inner.edges, inner.offsets)


def spread_pixels(runs: Runs, count: int) -> I64:
    """(n, count, 2) row and column of ``count`` pixels (>= 2) of every mask, spread evenly over its runs, the first and
    the last among them. No mask may be empty."""
    return _spread_pixels(runs.edges, runs.offsets, runs.areas, runs.height, count)


def histogram(instance_map: U16) -> I64:
    """(65536,) pixels per instance index."""
    return _histogram(instance_map)


# ----------------------------------------------------------------------------------------------- kernels and packing


def _masks(owner: I32, position: I32, n: int, height: int, width: int) -> Masks:
    sorted_edges, offsets = _group(owner, position, n, height * width)
    box, areas = _extents(sorted_edges, offsets, height)
    text, ends = _compress(sorted_edges, offsets, height * width)
    raw = text.tobytes().decode("ascii")
    rles = tuple(Rle(height, width, raw[ends[k] : ends[k + 1]]) if areas[k] else None for k in range(n))
    return Masks(rles, areas, box)


def _text(counts: I64) -> str:
    """Counts -> COCO string (only used for empty masks, where there are no edges)."""
    out = np.empty(16 * counts.size, dtype=np.uint8)
    end = 0
    for i in range(counts.size):
        value = int(counts[i]) - (int(counts[i - 2]) if i > 2 else 0)
        end = int(_put(out, end, value))
    return out[:end].tobytes().decode("ascii")


@njit(cache=True, nogil=True)
def _grow(array: Any, size: int) -> Any:
    bigger = np.empty(max(2 * array.size, size), dtype=array.dtype)
    bigger[: array.size] = array
    return bigger


@njit(cache=True, nogil=True)
def _map_edges(instance_map: Any, n: int) -> Any:
    """Edges of all instances, in scan order: (owner - 1, position), and the highest index met."""
    height, width = instance_map.shape
    owner = np.empty(4096, dtype=np.int32)
    position = np.empty(4096, dtype=np.int32)
    count, previous, highest = 0, 0, 0
    for x in range(width):
        for y in range(height):
            index = int(instance_map[y, x])
            if index == previous:
                continue
            highest = max(highest, index)
            if count + 2 > owner.size:
                owner, position = _grow(owner, count + 2), _grow(position, count + 2)
            if previous > 0:
                owner[count], position[count] = previous - 1, x * height + y
                count += 1
            if index > 0:
                owner[count], position[count] = index - 1, x * height + y
                count += 1
            previous = index
    return owner[:count], position[:count], highest


@njit(cache=True, nogil=True)
def _count_changes(words: Any, word: int) -> int:
    height, width, _ = words.shape
    count, previous = 0, np.uint64(0)
    for x in range(width):
        for y in range(height):
            value = words[y, x, word]
            if value != previous:
                count += 1
                previous = value
    return count


@njit(cache=True, nogil=True)
def _changes(words: Any, word: int, count: int) -> Any:
    """Where a word differs from the pixel before, and the bits that do."""
    height, width, _ = words.shape
    position, bits = np.empty(count, dtype=np.int32), np.empty(count, dtype=np.uint64)
    i, previous = 0, np.uint64(0)
    for x in range(width):
        for y in range(height):
            value = words[y, x, word]
            if value != previous:
                position[i], bits[i] = x * height + y, value ^ previous
                i += 1
                previous = value
    return position, bits


@njit(cache=True, nogil=True)
def _bit_edges(words: Any) -> Any:
    """As ``_map_edges``, from bit masks: every bit that differs from the pixel before is an edge of its instance.

    Counting first and filling second keeps the loop over the pixels free of growing arrays: 4 times as fast.
    """
    owner, position = np.empty(4096, dtype=np.int32), np.empty(4096, dtype=np.int32)
    count = 0
    for word in range(words.shape[2]):
        where, bits = _changes(words, word, _count_changes(words, word))
        for i in range(where.size):
            if count + 64 > owner.size:
                owner, position = _grow(owner, count + 64), _grow(position, count + 64)
            bit, rest = 0, bits[i]
            while rest != np.uint64(0):
                if rest & np.uint64(1):
                    owner[count], position[count] = word * _WORD_BITS + bit, where[i]
                    count += 1
                rest >>= np.uint64(1)
                bit += 1
    return owner[:count], position[:count]


@njit(cache=True, nogil=True)
def _group(owner: Any, position: Any, n: int, size: int) -> Any:
    """Counting sort by owner: all edges, instance after instance, closed at ``size``; offsets (n + 1,)."""
    counts = np.zeros(n, dtype=np.int64)
    for i in range(owner.size):
        if owner[i] < n:
            counts[owner[i]] += 1
    offsets = np.zeros(n + 1, dtype=np.int64)
    for k in range(n):
        offsets[k + 1] = offsets[k] + counts[k] + counts[k] % 2
    out = np.full(offsets[n], size, dtype=np.int64)
    cursor = offsets[:n].copy()
    for i in range(owner.size):
        k = owner[i]
        if k < n:
            out[cursor[k]] = position[i]
            cursor[k] += 1
    return out, offsets


@njit(cache=True, nogil=True)
def _extents(sorted_edges: Any, offsets: Any, height: int) -> Any:
    """Bounds (n, 4) x, y, width, height and areas (n,) from the runs alone."""
    n = offsets.size - 1
    box = np.zeros((n, 4), dtype=np.int32)
    areas = np.zeros(n, dtype=np.int64)
    for k in range(n):
        x0, y0, x1, y1 = 2**31 - 1, height, -1, -1
        for i in range(offsets[k], offsets[k + 1], 2):
            start, end = sorted_edges[i], sorted_edges[i + 1]
            if end <= start:
                continue
            areas[k] += end - start
            first, last = start // height, (end - 1) // height
            x0, x1 = min(x0, first), max(x1, last)
            if first != last:  # a run over a column's end touches the bottom and the top row
                y0, y1 = 0, height - 1
            else:
                y0, y1 = min(y0, start % height), max(y1, (end - 1) % height)
        if areas[k] > 0:
            box[k, 0], box[k, 1], box[k, 2], box[k, 3] = x0, y0, x1 - x0 + 1, y1 - y0 + 1
    return box, areas


@njit(cache=True, nogil=True)
def _put(out: Any, end: int, value: int) -> int:
    """Appends one number to a COCO string."""
    more = True
    while more:
        low = value & 0x1F
        value >>= 5
        more = (value != -1) if low & 0x10 else (value != 0)
        if more:
            low |= 0x20
        out[end] = low + 48
        end += 1
    return end


@njit(cache=True, nogil=True)
def _compress(sorted_edges: Any, offsets: Any, size: int) -> Any:
    """The COCO strings of all instances in one buffer, and where each ends (n + 1,)."""
    n = offsets.size - 1
    out = np.empty(14 * (sorted_edges.size + n), dtype=np.uint8)
    ends = np.zeros(n + 1, dtype=np.int64)
    end = 0
    for k in range(n):
        last, before, before2 = 0, 0, 0
        runs = offsets[k + 1] - offsets[k]
        for index in range(runs + 1):
            if index == runs and last == size:
                break  # the mask ends in foreground: there is no closing background run
            here = sorted_edges[offsets[k] + index] if index < runs else size
            count = here - last
            end = _put(out, end, count - before2 if index > 2 else count)
            last, before2, before = here, before, count
        ends[k + 1] = end
    return out[:end], ends


@njit(cache=True, nogil=True)
def _parse(text: Any, size: int) -> Any:
    """Edges of a COCO string (``rleFrString``), and whether its runs are >= 0 and fill ``size`` pixels."""
    out = np.empty(text.size + 1, dtype=np.int64)
    i, count, total, before, before2 = 0, 0, 0, 0, 0
    while i < text.size:
        value, shift, more = 0, 0, True
        while more:
            if i >= text.size or text[i] < 48 or text[i] > 111 or shift > 55:
                return out[:0], False
            low = int(text[i]) - 48
            value |= (low & 0x1F) << shift
            more = (low & 0x20) != 0
            i += 1
            shift += 5
            if not more and low & 0x10:
                value |= -1 << shift
        if count > 2:
            value += before2
        total += value
        if value < 0 or total > size:
            return out[:0], False
        out[count] = total
        count += 1
        before2, before = before, value
    if total != size or count == 0:
        return out[:0], False
    # the last entry is the end of the mask: it closes a foreground run, or is dropped behind a background run
    return out[: count - count % 2], True


@njit(cache=True, nogil=True)
def _parse_all(text: Any, ends: Any, size: int) -> Any:
    """Edges and offsets of all strings, and how many of them could be read before the first bad one."""
    n = ends.size - 1
    out, offsets = np.empty(text.size + n, dtype=np.int64), np.zeros(n + 1, dtype=np.int64)
    for k in range(n):
        found, ok = _parse(text[ends[k] : ends[k + 1]], size)
        if not ok:
            return out[:0], offsets, k
        offsets[k + 1] = offsets[k] + found.size
        out[offsets[k] : offsets[k + 1]] = found
    return out[: offsets[n]], offsets, n


@njit(cache=True, nogil=True)
def _pixels_held(found: Any, offsets: Any, instance_map: Any, indices: Any) -> Any:
    out = np.zeros(indices.size, dtype=np.int64)
    for k in range(indices.size):
        out[k] = _count_under(instance_map, found[offsets[k] : offsets[k + 1]], indices[k])
    return out


@njit(cache=True, nogil=True)
def _each_contains(outer: Any, outer_offsets: Any, inner: Any, inner_offsets: Any) -> Any:
    out = np.zeros(inner_offsets.size - 1, dtype=np.bool_)
    for k in range(out.size):
        whole, part = outer[outer_offsets[k] : outer_offsets[k + 1]], inner[inner_offsets[k] : inner_offsets[k + 1]]
        out[k] = _contains(whole, part)
    return out


@njit(cache=True, nogil=True)
def _spread_pixels(found: Any, offsets: Any, areas: Any, height: int, count: int) -> Any:
    out = np.zeros((areas.size, count, 2), dtype=np.int64)
    for k in range(areas.size):
        i, before = offsets[k], 0
        for n in range(count):
            wanted = n * (areas[k] - 1) // (count - 1)
            while before + found[i + 1] - found[i] <= wanted:
                before += found[i + 1] - found[i]
                i += 2
            position = found[i] + wanted - before
            out[k, n, 0], out[k, n, 1] = position % height, position // height
    return out


@njit(cache=True, nogil=True)
def _paint(mask: Any, found: Any) -> None:
    height = mask.shape[0]
    for i in range(0, found.size, 2):
        for p in range(found[i], found[i + 1]):
            mask[p % height, p // height] = True


@njit(cache=True, nogil=True)
def _contains(outer: Any, inner: Any) -> bool:
    j = 0
    for i in range(0, inner.size, 2):
        start, end = inner[i], inner[i + 1]
        while start < end:
            while j < outer.size and outer[j + 1] <= start:
                j += 2
            if j >= outer.size or outer[j] > start:
                return False
            start = min(end, outer[j + 1])
    return True


@njit(cache=True, nogil=True)
def _count_under(instance_map: Any, found: Any, index: int) -> int:
    height = instance_map.shape[0]
    count = 0
    for i in range(0, found.size, 2):
        y, x = found[i] % height, found[i] // height
        for _ in range(found[i], found[i + 1]):
            count += instance_map[y, x] == index
            y += 1
            if y == height:
                y, x = 0, x + 1
    return count


@njit(cache=True, nogil=True)
def _histogram(instance_map: Any) -> Any:
    out = np.zeros(65536, dtype=np.int64)
    for y in range(instance_map.shape[0]):
        for x in range(instance_map.shape[1]):
            out[instance_map[y, x]] += 1
    return out
