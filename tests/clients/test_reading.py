"""Reading files with the real program: what is known to stand in them, text in a picture, and files that mean harm."""

import io
import json
import pathlib
import shutil
import subprocess
import sys
import zipfile
import zlib

import pytest
from conftest import BINARY, ROOT

HOSTILE = ROOT / "scripts" / "hostile.py"
SCAN = pathlib.Path(__file__).parent / "files" / "scan.png"


def groundwork(*arguments, **environment):
    done = subprocess.run([BINARY, *arguments, "--json"], capture_output=True, text=True, timeout=120, check=False, env=environment or None)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.skipif(shutil.which("tesseract") is None, reason="scripts/setup.sh installs it")
def test_text_in_a_picture_is_recognized_with_its_place():
    code, [read] = groundwork("extract", str(SCAN))
    assert code == 0 and read["blocks"][0]["page"] == 1
    # Whether two lines are one paragraph is the recognizer's to say.
    assert "Keys are kept by the porter in room 214 of the old wing" in " ".join(block["text"] for block in read["blocks"])
    assert "recognized" in read["warnings"][0]


def test_without_tesseract_a_picture_is_read_without_text_and_says_so(tmp_path):
    code, [read] = groundwork("extract", str(SCAN), PATH=str(tmp_path), HOME=str(tmp_path))
    assert (code, read["blocks"]) == (0, [])
    assert "tesseract-ocr" in read["warnings"][0]


def test_expectations_are_checked_and_a_wrong_one_is_named(tmp_path):
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "beds.csv").write_text("bed;size\nnorth;12\nsouth;7\n")
    (tmp_path / "files" / "note.md").write_text("# Beds\n\nWater them <!-- never --> twice.\n")
    expected = {
        "rules": "as in docs/evaluation.md",
        "files": [
            {"file": "beds.csv", "outcome": "ok", "rows": [["north", "12"], ["south", "12"]]},
            {"file": "note.md", "outcome": "ok", "must": [{"text": "Water them twice."}], "must_not": ["never"]},
            {"file": "gone.md", "outcome": "ok"},
        ],
    }
    (tmp_path / "expected.json").write_text(json.dumps(expected))
    code, [report] = groundwork("eval", "extraction", "--expected", str(tmp_path / "expected.json"))
    assert code == 10
    assert report["total"] == {"checked": 7, "failed": 2, "skipped": 0}
    assert [file["failed"] for file in report["files"]] == [1, 0, 1]
    assert report["files"][0]["failures"][0]["expected"] == "south | 12"


MARK = "marker-of-the-test"


def zipped(parts):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts.items():
            package.writestr(name, content)
    return out.getvalue()


def docx(document):
    kinds = '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>'
    relations = '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>'
    body = f'<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>{document}</w:body></w:document>'
    return zipped({"[Content_Types].xml": kinds, "_rels/.rels": relations, "word/document.xml": body})


def paragraph(text):
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"


def pdf(content, kids="[3 0 R]"):
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids {kids} /Count 1 >>".encode(),
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F 5 0 R >> >> /Contents 4 0 R >>",
        b"<< /Length %d /Filter /FlateDecode >>\nstream\n" % len(content) + content + b"\nendstream",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out, places = bytearray(b"%PDF-1.7\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n" % number + body + b"\nendobj\n"
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return bytes(out) + b"xref\n0 6\n0000000000 65535 f \n" + table + b"trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % len(out)


def lying(package):
    """The same package, whose largest part states to be small."""
    with zipfile.ZipFile(io.BytesIO(package)) as read:
        largest = max(info.file_size for info in read.infolist())
    return package.replace(largest.to_bytes(4, "little"), (100).to_bytes(4, "little"))


def sheet(rows):
    spreadsheet = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    return zipped(
        {
            "_rels/.rels": f'<Relationships xmlns="{package}"><Relationship Id="r" Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
            "xl/workbook.xml": f'<workbook xmlns="{spreadsheet}" xmlns:r="{office}"><sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>',
            "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}"><Relationship Id="r1" Type="{office}/worksheet" Target="worksheets/s.xml"/></Relationships>',
            "xl/worksheets/s.xml": f'<worksheet xmlns="{spreadsheet}"><sheetData>{rows}</sheetData></worksheet>',
        }
    )


def ods(rows):
    content = f'<o:document-content xmlns:o="o" xmlns:t="t" xmlns:x="x"><o:body><o:spreadsheet><t:table t:name="S">{rows}</t:table></o:spreadsheet></o:body></o:document-content>'
    return zipped({"mimetype": "application/vnd.oasis.opendocument.spreadsheet", "content.xml": content})


def cases():
    """Name, content, allowed outcomes, kinds of error."""
    show = zlib.compress(b"BT /F 12 Tf 72 700 Td (" + MARK.encode() + b") Tj ET" + b" " * 60_000_000, 9)
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    huge = sheet(f'<row r="1"><c r="A1" t="inlineStr"><is><t>{"0" * 40_000_000}</t></is></c></row>')
    return [
        ("bomb.docx", docx(paragraph(MARK) + paragraph("0" * 50_000_000)), ["error"], ["limit"]),
        ("lying.xlsx", lying(huge), ["error"], ["limit", "malformed"]),
        ("laughs.xml", f'<!DOCTYPE a [<!ENTITY l0 "lol">{laughs}]><a>{MARK} &l9;</a>'.encode(), ["ok", "error"], ["malformed", "limit"]),
        ("outside.xml", f'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>{MARK} &x;</a>'.encode(), ["ok", "error"], ["malformed"]),
        ("deep.html", b"<div>" * 60_000 + MARK.encode(), ["ok", "error"], ["limit"]),
        ("deep.json", b"[" * 150_000 + b"]" * 150_000, ["ok", "error"], ["limit", "malformed"]),
        ("deep.rtf", b"{\\rtf1 " + MARK.encode() + b"{" * 100_000 + b"}" * 100_001, ["ok", "error"], ["limit", "malformed"]),
        ("headings.txt", b"Bed\n===\n" * 60_000 + MARK.encode(), ["ok"], []),
        ("bomb.pdf", pdf(show), ["ok", "error"], ["limit"]),
        ("loop.pdf", pdf(zlib.compress(b"BT /F 12 Tf 72 700 Td (" + MARK.encode() + b") Tj ET"), "[3 0 R 2 0 R]"), ["ok", "error"], ["malformed", "limit"]),
        ("cut.pdf", pdf(show)[:300], ["ok", "error"], ["malformed"]),
        ("named.pdf", docx(paragraph(MARK)), ["ok"], []),
        ("program.docx", b"\x7fELF\x02\x01\x01" + bytes(2000), ["error"], ["unsupported"]),
        ("empty.docx", b"", ["error"], ["empty"]),
        ("invalid.txt", b"before " + MARK.encode() + b"\n\xff\xfe\xc3\x28 \xf0\x28\x8c\x28 \xed\xa0\x80\n", ["ok"], []),
        ("wide.csv", b"1," * 500_000 + b"\n", ["error"], ["limit"]),
        ("far.xlsx", sheet(f'<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>{MARK}</t></is></c></row>'), ["ok"], []),
        ("far.ods", ods(f'<t:table-row t:number-rows-repeated="1048575"><t:table-cell t:number-columns-repeated="16384"/></t:table-row><t:table-row><t:table-cell><x:p>{MARK}</x:p></t:table-cell></t:table-row>'), ["ok"], []),
        ("often.ods", ods(f'<t:table-row t:number-rows-repeated="1048576"><t:table-cell t:number-columns-repeated="16384"><x:p>{MARK}</x:p></t:table-cell></t:table-row>'), ["ok", "error"], ["limit"]),
        ("path.docx", zipped({"../../evil.txt": "x", "word/document.xml": "<a/>"}), ["ok", "error"], ["malformed"]),
        ("deep.eml", ("Subject: x\n" + "".join(f'Content-Type: multipart/mixed; boundary="b{n}"\n\n--b{n}\n' for n in range(1500))).encode(), ["ok", "error"], ["limit", "malformed"]),
    ]


def test_files_that_mean_harm_end_in_an_outcome_and_hurt_only_themselves(tmp_path):
    must_have = {"named.pdf", "invalid.txt", "far.xlsx", "far.ods", "headings.txt"}
    manifest = []
    for name, content, outcomes, kinds in cases():
        (tmp_path / name).write_bytes(content)
        # Times are for a busy machine; memory is what matters.
        expected = {"file": name, "outcomes": outcomes, "error_kinds": kinds, "must_not": ["lollollol", "root:"], "max_seconds": 60, "max_rss_mib": 300}
        if name in must_have:
            expected["must_if_ok"] = [MARK]
        manifest.append(expected)
    (tmp_path / "manifest.json").write_text(json.dumps({"files": manifest}))
    # A process of its own: the kernel counts into a program's peak the memory of the one that started it.
    done = subprocess.run([sys.executable, HOSTILE, str(tmp_path), "--binary", str(BINARY), "--rounds", "2"], capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == f"{len(manifest) + 1} passed, 0 failed"
    assert not list(pathlib.Path(tmp_path).rglob("evil*"))
