"""Reads a catalogue from a CSV or YAML file, and names every fault of the file at once."""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from workers.directories.row import COLUMNS, REQUIRED, Row, faults_of
from workers.errors import CatalogueInvalid
from workers.model import Directory

SIZE_LIMIT = 10 * 1024 * 1024
"""Bytes. Fifty thousand directories fit; a larger file is a mistake."""

_EMPTY = ("", "~", "null")  # how YAML writes nothing


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    cells: Mapping[str, Any]


def read_catalogue(path: Path) -> list[Directory]:
    """Read the directories of a `.csv`, `.yaml` or `.yml` file in UTF-8, in the order of the file.

    CSV has a head line with the columns of `row.Row` in any order; YAML is a list of mappings with the same keys.
    Raises `CatalogueInvalid` with a sentence for each fault, which begins with the number of its line.
    """
    text = _text_of(path)
    match path.suffix.lower():
        case ".csv":
            lines = _csv_lines(text)
        case ".yaml" | ".yml":
            lines = _yaml_lines(text)
        case suffix:
            raise _invalid(path, [f"the file's name ends in {suffix or 'nothing'}, not in .csv, .yaml or .yml"])
    try:
        found = list(lines)
    except _FileFault as fault:
        raise _invalid(path, fault.faults) from None
    return _directories(path, found)


class _FileFault(Exception):
    """The file can't be taken apart into lines."""

    def __init__(self, *faults: str) -> None:
        self.faults = faults
        super().__init__(*faults)


def _invalid(path: Path, faults: Iterable[str]) -> CatalogueInvalid:
    return CatalogueInvalid(f"{path} is no catalogue; nothing was imported:", list(faults))


def _text_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(SIZE_LIMIT + 1)
    except OSError as error:
        raise _invalid(path, [f"it cannot be read: {error.strerror}"]) from None
    if len(content) > SIZE_LIMIT:
        raise _invalid(path, [f"it is larger than {SIZE_LIMIT // 1024 // 1024} MiB"])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _invalid(path, [f"line {line}: this is not UTF-8"]) from None


def _csv_lines(text: str) -> Iterator[_Line]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        head = [cell.strip() for cell in next(reader, [])]
        _check_head(head)
        number = reader.line_num + 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield _Line(number, _named(head, cells))
            number = reader.line_num + 1  # a quoted cell may hold several lines; its first one counts
    except csv.Error as error:
        raise _FileFault(f"line {reader.line_num}: {error}") from None


def _check_head(head: list[str]) -> None:
    missing = [f"line 1: the column {name} is missing" for name in REQUIRED if name not in head]
    twice = [f"line 1: the column {name} stands there twice" for name in dict.fromkeys(head) if head.count(name) > 1]
    unknown = [f"line 1: {_unknown(name)}" for name in head if name not in COLUMNS]
    if missing or twice or unknown:
        raise _FileFault(*missing, *twice, *unknown)


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name.lower(), COLUMNS, n=1)
    hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(COLUMNS)}"
    return f"there is no column {name!r}{hint}"


def _named(head: list[str], cells: list[str]) -> dict[str, str]:
    surplus = {f"cell {number + 1}": cell for number, cell in enumerate(cells) if number >= len(head)}
    return {name: cell for name, cell in {**dict(zip(head, cells, strict=False)), **surplus}.items() if cell.strip()}


def _yaml_lines(text: str) -> Iterator[_Line]:
    root, items = _parse_yaml(text)
    if not isinstance(root, yaml.SequenceNode):
        raise _FileFault("it is not a list of directories (each begins with `- slug: …`)")
    for node, item in zip(root.value, items, strict=True):
        number = node.start_mark.line + 1
        if not isinstance(item, dict):
            raise _FileFault(f"line {number}: this is not a directory (`slug: …`, `name: …`, …)")
        keys = [key.value for key, _ in node.value]
        twice = [key for key in dict.fromkeys(keys) if keys.count(key) > 1]
        if twice:
            raise _FileFault(*(f"line {number}: {key} stands there twice" for key in twice))
        yield _Line(number, {key: value for key, value in item.items() if value not in _EMPTY})


def _parse_yaml(text: str) -> tuple[yaml.Node | None, Any]:
    """Return the tree, which knows its lines, and the data; every scalar is text, so that `no` stays `no`."""
    try:
        loader = yaml.BaseLoader(text)
        root = loader.get_single_node()
        return root, loader.construct_document(root) if root else None
    except yaml.YAMLError as error:
        raise _FileFault(_yaml_fault(error)) from None
    except RecursionError:
        raise _FileFault("it is nested too deeply") from None


def _yaml_fault(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    where = f"line {mark.line + 1}: " if mark else ""
    return f"{where}{getattr(error, 'problem', None) or error}"


def _directories(path: Path, lines: list[_Line]) -> list[Directory]:
    faults: list[str] = []
    rows: list[tuple[int, Row]] = []
    for line in lines:
        try:
            rows.append((line.number, Row.model_validate(line.cells)))
        except ValidationError as error:
            faults += [f"line {line.number}: {_with_hint(fault)}" for fault in faults_of(error)]
    faults += [*_duplicates(rows, "slug"), *_duplicates(rows, "submission_url")]
    if not lines:
        faults.append("it holds no directory")
    if faults:
        raise _invalid(path, sorted(faults, key=_line_number))
    return [row.as_directory() for _, row in rows]


def _with_hint(fault: str) -> str:
    name = fault.partition(":")[0]
    return fault if name in COLUMNS else _unknown(name)


def _duplicates(rows: list[tuple[int, Row]], column: str) -> Iterator[str]:
    """Find what must be unique: two directories with one form would be two submissions to one place."""
    first: dict[str, int] = {}
    for number, row in rows:
        value = str(getattr(row, column))
        seen = first.setdefault(value.rstrip("/").lower(), number)
        if seen != number:
            yield f"line {number}: {column}: {value} stands in line {seen} already"


def _line_number(fault: str) -> int:
    digits = fault.removeprefix("line ").partition(":")[0]
    return int(digits) if digits.isdigit() else 0
