"""Catalogue files: what is read, and how a faulty file is told off."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from workers.directories.catalogue_file import SIZE_LIMIT, read_catalogue
from workers.directories.row import COLUMNS
from workers.directories.seed import seed_directories
from workers.errors import CatalogueInvalid
from workers.model import Directory, DirectoryId, DirectoryStatus

HEAD = "slug,name,site,submission_url"
TEA = "tea-index,Tea Index,https://tea.example.com,https://tea.example.com/add"


@dataclass(frozen=True)
class Folder:
    path: Path

    def read(self, content: str | bytes, name: str = "catalogue.csv") -> list[Directory]:
        file = self.path / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_catalogue(file)

    def faults(self, content: str | bytes, name: str = "catalogue.csv") -> tuple[str, ...]:
        with pytest.raises(CatalogueInvalid) as caught:
            self.read(content, name)
        assert name in str(caught.value)
        return caught.value.faults


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_a_short_csv_line_takes_the_defaults(folder: Folder) -> None:
    assert folder.read(f"{HEAD}\n{TEA}\n") == [
        Directory(
            id=DirectoryId("tea-index"),
            name="Tea Index",
            site="https://tea.example.com",
            submission_url="https://tea.example.com/add",
            status=DirectoryStatus.NEEDS_VERIFICATION,
        )
    ]


def test_every_column_is_read(folder: Folder) -> None:
    head = f"{HEAD},status,category,domain_authority,method,trust,pace,allows_automation"
    (tea,) = folder.read(f"{head}\n{TEA},active,food,37,web_form,A,2.5,no\n")
    assert (tea.status, tea.category, tea.domain_authority) == (DirectoryStatus.ACTIVE, "food", 37)
    assert (tea.method, tea.trust, tea.pace, tea.allows_automation) == ("web_form", "A", timedelta(seconds=2.5), False)


def test_yaml_says_the_same_as_csv(folder: Folder) -> None:
    text = """
    - slug: tea-index
      name: Tea Index
      site: https://tea.example.com
      submission_url: https://tea.example.com/add
      allows_automation: no
      pace: ~
    """
    csv = f"{HEAD},allows_automation\n{TEA},no\n"
    assert folder.read(text, "catalogue.yaml") == folder.read(text, "catalogue.yml") == folder.read(csv)


def test_spreadsheets_quirks_do_no_harm(folder: Folder) -> None:
    """A byte order mark, CR LF, columns in another order, spaces, blank lines and rows of commas."""
    text = "\ufeffname,slug ,submission_url,site,trust\r\n Tea Index , tea-index,https://t.example/a,https://t.example,\r\n\r\n,,,,\r\n"
    (tea,) = folder.read(text)
    assert (tea.id, tea.name, tea.trust) == ("tea-index", "Tea Index", "")


def test_all_faults_are_named_at_once_with_their_lines(folder: Folder) -> None:
    faults = folder.faults(
        f"{HEAD},status,domain_authority\n"
        f"{TEA},active,37\n"
        "Tea Index,Tea,https://t.example,https://t.example/add,active,101\n"
        "cafe,,https://t.example,ftp://t.example/add,sleeping,x\n"
        f"{TEA},active,37,surplus\n"
        "too-short,Short\n"
    )
    starts = [fault.split(" ", 3)[1:3] for fault in faults]
    assert starts == [
        ["3:", "slug:"],
        ["3:", "domain_authority:"],
        ["4:", "name:"],
        ["4:", "submission_url:"],
        ["4:", "status:"],
        ["4:", "domain_authority:"],
        ["5:", "there"],
        ["6:", "site:"],
        ["6:", "submission_url:"],
    ]


@pytest.mark.parametrize(
    "slug", ["Tea", "tea_index", "-tea", "tea-", "tea--index", "tea index", "té", "../tea", "tea\u0665", "x" * 81]
)
def test_a_slug_that_is_none_is_refused(folder: Folder, slug: str) -> None:
    (fault,) = folder.faults(f"{HEAD}\n{slug},Tea,https://t.example,https://t.example/add\n")
    assert fault.startswith("line 2: slug: ")


@pytest.mark.parametrize(
    "url",
    [
        "t.example/add",
        "//t.example/add",
        "javascript:alert(1)",
        "file:///etc/hosts",
        "https://",
        "https:///add",
        "https://t.example:99999/",
        "https://t.example:0/",
        "https://[::1/",
        "https://ann@t.example/",
        "https://t.example/a b",
        "https://t.example/a\u0000b",
        'https://t.example/"onload=',
    ],
)
def test_an_address_that_is_none_is_refused(folder: Folder, url: str) -> None:
    quoted = url.replace('"', '""')
    faults = folder.faults(f'{HEAD}\ntea,Tea,https://t.example,"{quoted}"\n')
    assert [fault.startswith("line 2: submission_url: ") for fault in faults] == [True]


def test_a_misspelt_column_gets_the_nearest_name(folder: Folder) -> None:
    assert folder.faults("slug,name,site,submision_url,colour\nx\n") == (
        "line 1: the column submission_url is missing",
        "line 1: there is no column 'submision_url'; did you mean submission_url?",
        f"line 1: there is no column 'colour'; there are {', '.join(COLUMNS)}",
    )


def test_a_fault_is_told_by_the_first_line_of_its_row(folder: Folder) -> None:
    (fault,) = folder.faults(f'{HEAD}\n\n{TEA}\n"cafe\n","Ca\nfe",https://c.example,https://c.example/add\n')
    assert fault == "line 4: name: control characters and line breaks are not allowed"


def test_a_column_that_stands_twice_is_refused(folder: Folder) -> None:
    assert folder.faults(f"{HEAD},name\n{TEA},Tea\n") == ("line 1: the column name stands there twice",)


@pytest.mark.parametrize(
    ("second", "column"),
    [
        ("tea-index,Other,https://o.example,https://o.example/add", "slug"),
        ("other,Other,https://tea.example.com,https://TEA.example.com/add/", "submission_url"),
    ],
)
def test_a_directory_that_stands_twice_is_refused(folder: Folder, second: str, column: str) -> None:
    (fault,) = folder.faults(f"{HEAD}\n{TEA}\n{second}\n")
    assert fault.startswith(f"line 3: {column}: ")
    assert fault.endswith("stands in line 2 already")


@pytest.mark.parametrize(
    ("content", "name", "fault"),
    [
        (b"", "c.csv", "line 1: the column slug is missing"),
        (HEAD.encode(), "c.csv", "it holds no directory"),
        (b"slug,n\xffame", "c.csv", "line 1: this is not UTF-8"),
        (f'{HEAD}\n"a\n'.encode(), "c.csv", "line 2: unexpected end of data"),
        (b"x", "c.txt", "the file's name ends in .txt, not in .csv, .yaml or .yml"),
        (b" " * (SIZE_LIMIT + 1), "c.csv", "it is larger than 10 MiB"),
        (b"", "c.yaml", "it is not a list of directories (each begins with `- slug: …`)"),
        (b"slug: tea", "c.yaml", "it is not a list"),
        (b"- slug: [", "c.yaml", "line 1: "),
        (b"\n- tea", "c.yaml", "line 2: this is not a directory"),
        (b"- slug: a\n  slug: b", "c.yaml", "line 1: slug stands there twice"),
        (b"- {1: 2}", "c.yaml", "line 1: slug: Field required"),
        (b"- slug: [a]", "c.yaml", "line 1: slug: Input should be a valid string"),
        (b"[" * 20_000, "c.yaml", "it is nested too deeply"),
        (b"- slug: !!python/object/apply:os.getcwd []", "c.yaml", "line 1: slug: Input should be"),
    ],
)
def test_a_file_that_is_no_catalogue_is_told_so(folder: Folder, content: bytes, name: str, fault: str) -> None:
    assert folder.faults(content, name)[0].startswith(fault)


def test_a_file_that_is_not_there_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(CatalogueInvalid, match="No such file"):
        read_catalogue(tmp_path / "none.csv")


def test_nobody_verified_the_seed_yet() -> None:
    seed = seed_directories()
    assert len(seed) == 212
    assert {directory.status for directory in seed} == {DirectoryStatus.NEEDS_VERIFICATION}
