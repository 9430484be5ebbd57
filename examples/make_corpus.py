#!/usr/bin/env python3
"""Makes the binary documents of the example corpus: source/NAME.pdf.md -> corpus/NAME.pdf, source/NAME.docx.md -> corpus/NAME.docx.

Plain standard library; the same bytes on every run. The sources are a small Markdown: `# ` to `### ` headings, `- ` and `1. ` items,
`| a | b |` tables whose first row is the header, blank lines between paragraphs, and `---` for a new page. The first line
`title: ...` becomes the document's title and, in a PDF, the running header.
"""
import re
import sys
import zipfile
import zlib
from html import escape
from pathlib import Path

HERE = Path(__file__).parent
WIDTHS = [  # Helvetica, characters 32 to 126, in thousandths of the font size (Adobe core font metrics)
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556, 556, 556, 556,
    278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778, 667, 778, 722, 667,
    611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833,
    556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584]


def parse(text):
    """Yields (kind, value): heading (level, text), item (marker, text), table rows, page, paragraph text."""
    title, _, body = text.partition("\n")
    assert title.startswith("title: "), "the first line is `title: ...`"
    blocks = []
    for chunk in re.split(r"\n\s*\n", body.strip()):
        lines = chunk.split("\n")
        if chunk.strip() == "---":
            blocks.append(("page", None))
        elif lines[0].startswith("|"):
            rows = [[c.strip() for c in line.strip().strip("|").split("|")] for line in lines]
            blocks.append(("table", [row for row in rows if not all(re.fullmatch(r":?-+:?", c) for c in row)]))
        elif re.match(r"#{1,3} ", lines[0]):
            marks, heading = lines[0].split(" ", 1)
            blocks.append(("heading", (len(marks), heading)))
        elif re.match(r"(-|\d+\.) ", lines[0]):
            items = []
            for line in lines:
                if re.match(r"(-|\d+\.) ", line):
                    items.append(line.split(" ", 1))
                else:
                    items[-1][1] += " " + line.strip()
            blocks.extend(("item", tuple(item)) for item in items)
        else:
            blocks.append(("paragraph", " ".join(line.strip() for line in lines)))
    return title[len("title: "):], blocks


class Pdf:
    """Pages of A4 with a running header and a page number, in Helvetica."""
    LEFT, RIGHT, TOP, BOTTOM = 64, 531, 760, 80

    def __init__(self, title):
        self.title, self.pages, self.y = title, [], 0
        self.new_page()

    def new_page(self):
        self.pages.append([])
        self.y = self.TOP

    @staticmethod
    def width(text, size):
        return sum(WIDTHS[ord(c) - 32] if 32 <= ord(c) < 127 else 556 for c in text) * size / 1000

    @staticmethod
    def literal(text):
        return text.encode("cp1252").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")

    def put(self, x, y, text, size, bold=False):
        font = b"/F2" if bold else b"/F1"
        self.pages[-1].append(b"BT %s %g Tf %g %g Td (%s) Tj ET" % (font, size, x, y, self.literal(text)))

    def wrap(self, text, size, width):
        lines, line = [], ""
        for word in text.split():
            candidate = f"{line} {word}".strip()
            if line and self.width(candidate, size) > width:
                lines.append(line)
                candidate = word
            line = candidate
        return lines + [line]

    def flow(self, text, size, bold=False, indent=0, marker="", before=0, keep=0):
        lines = self.wrap(text, size, self.RIGHT - self.LEFT - indent)
        self.y -= before
        if self.y - len(lines) * size * 1.35 - keep < self.BOTTOM and self.y < self.TOP:
            self.new_page()
        for number, line in enumerate(lines):
            if self.y - size * 1.35 < self.BOTTOM:
                self.new_page()
            self.y -= size * 1.35
            if marker and number == 0:
                self.put(self.LEFT + indent - 16, self.y, marker, size)
            self.put(self.LEFT + indent, self.y, line, size, bold)

    def table(self, rows):
        columns = len(rows[0])
        longest = [max(min(self.width(row[c], 9.5), 190) for row in rows) + 12 for c in range(columns)]
        scale = min(1.35, (self.RIGHT - self.LEFT) / sum(longest))
        widths = [w * scale for w in longest]
        self.y -= 8
        for number, row in enumerate(rows):
            cells = [self.wrap(cell, 9.5, widths[c] - 10) for c, cell in enumerate(row)]
            height = max(len(cell) for cell in cells) * 12.5 + 6
            if self.y - height < self.BOTTOM:
                self.new_page()
            x = self.LEFT
            for c, cell in enumerate(cells):
                self.pages[-1].append(b"0.6 w %g %g %g %g re S" % (x, self.y - height, widths[c], height))
                for n, line in enumerate(cell):
                    self.put(x + 5, self.y - 12 - n * 12.5, line, 9.5, number == 0)
                x += widths[c]
            self.y -= height
        self.y -= 6

    def add(self, kind, value):
        if kind == "page":
            self.new_page()
        elif kind == "heading":
            level, text = value
            self.flow(text, {1: 19, 2: 14.5, 3: 12}[level], True, before=0 if self.y == self.TOP else 12, keep=44)
        elif kind == "item":
            marker, text = value
            self.flow(text, 10.5, indent=20, marker="\u2022" if marker == "-" else marker, before=3)
        elif kind == "table":
            self.table(value)
        else:
            self.flow(value, 10.5, before=7)

    def bytes(self):
        count = len(self.pages)
        objects = [b"<< /Type /Catalog /Pages 2 0 R >>",
                   b"<< /Type /Pages /Count %d /Kids [%s] >>" % (count, b" ".join(b"%d 0 R" % (6 + 2 * n) for n in range(count))),
                   b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
                   b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold /Encoding /WinAnsiEncoding >>",
                   b"<< /Title (%s) /Author (Tidewell Instruments) >>" % self.literal(self.title)]
        for number, content in enumerate(self.pages, 1):
            header = b"BT /F1 8.5 Tf %g 800 Td (%s) Tj ET" % (self.LEFT, self.literal(f"Tidewell Instruments \u00b7 {self.title}"))
            footer = b"BT /F1 8.5 Tf 270 44 Td (Page %d of %d) Tj ET" % (number, count)
            stream = zlib.compress(b"\n".join([header, footer, *content]), 9)
            objects.append(b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R "
                           b"/Resources << /Font << /F1 3 0 R /F2 4 0 R >> >> >>" % (7 + 2 * (number - 1)))
            objects.append(b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(stream), stream))
        out, offsets = b"%PDF-1.5\n%\xe2\xe3\xcf\xd3\n", []
        for number, body in enumerate(objects, 1):
            offsets.append(len(out))
            out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
        start = len(out)
        out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1) + b"".join(b"%010d 00000 n \n" % o for o in offsets)
        return out + b"trailer\n<< /Size %d /Root 1 0 R /Info 5 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)


def docx(title, blocks):
    """A Word document with real heading, list and table markup."""
    def run(text, bold=False):
        return f'<w:r>{"<w:rPr><w:b/></w:rPr>" if bold else ""}<w:t xml:space="preserve">{escape(text, False)}</w:t></w:r>'

    def paragraph(text, style=None, extra=""):
        properties = (f'<w:pStyle w:val="{style}"/>' if style else "") + extra
        return f'<w:p>{f"<w:pPr>{properties}</w:pPr>" if properties else ""}{run(text)}</w:p>'

    body = []
    for kind, value in blocks:
        if kind == "heading":
            body.append(paragraph(value[1], f"Heading{value[0]}"))
        elif kind == "item":
            number = 1 if value[0] == "-" else 2
            body.append(paragraph(value[1], "ListParagraph", f'<w:numPr><w:ilvl w:val="0"/><w:numId w:val="{number}"/></w:numPr>'))
        elif kind == "table":
            rows = "".join("<w:tr>" + ('<w:trPr><w:tblHeader/></w:trPr>' if n == 0 else "") +
                           "".join(f'<w:tc><w:tcPr><w:tcW w:w="2000" w:type="dxa"/></w:tcPr><w:p>{run(c, n == 0)}</w:p></w:tc>' for c in row) +
                           "</w:tr>" for n, row in enumerate(value))
            grid = "".join('<w:gridCol w:w="2000"/>' for _ in value[0])
            body.append(f'<w:tbl><w:tblPr><w:tblW w:w="0" w:type="auto"/></w:tblPr><w:tblGrid>{grid}</w:tblGrid>{rows}</w:tbl>')
        elif kind == "paragraph":
            body.append(paragraph(value))
    main = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    declaration = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    levels = "".join(f'<w:style w:type="paragraph" w:styleId="Heading{n}"><w:name w:val="heading {n}"/><w:pPr>'
                     f'<w:outlineLvl w:val="{n - 1}"/></w:pPr></w:style>' for n in (1, 2, 3))
    numbering = "".join(f'<w:abstractNum w:abstractNumId="{n}"><w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="{f}"/>'
                        f'<w:lvlText w:val="{t}"/></w:lvl></w:abstractNum>' for n, f, t in ((1, "bullet", "\u2022"), (2, "decimal", "%1.")))
    numbering += "".join(f'<w:num w:numId="{n}"><w:abstractNumId w:val="{n}"/></w:num>' for n in (1, 2))
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    word = "application/vnd.openxmlformats-officedocument.wordprocessingml"
    return {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
                               f'<Default Extension="xml" ContentType="application/xml"/><Override PartName="/word/document.xml" ContentType="{word}.document.main+xml"/>'
                               f'<Override PartName="/word/styles.xml" ContentType="{word}.styles+xml"/><Override PartName="/word/numbering.xml" ContentType="{word}.numbering+xml"/>'
                               f'<Override PartName="/docProps/core.xml" ContentType="application/vnd.openxmlformats-package.core-properties+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" Type="{office}/officeDocument" Target="word/document.xml"/>'
                       f'<Relationship Id="r2" Type="{package}/relationships/metadata/core-properties" Target="docProps/core.xml"/></Relationships>',
        "docProps/core.xml": f'<cp:coreProperties xmlns:cp="{package}/metadata/core-properties" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{escape(title)}</dc:title></cp:coreProperties>',
        "word/_rels/document.xml.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" Type="{office}/styles" Target="styles.xml"/>'
                                        f'<Relationship Id="r2" Type="{office}/numbering" Target="numbering.xml"/></Relationships>',
        "word/styles.xml": f'<w:styles {main}>{levels}<w:style w:type="paragraph" w:styleId="ListParagraph"><w:name w:val="List Paragraph"/></w:style></w:styles>',
        "word/numbering.xml": f'<w:numbering {main}>{numbering}</w:numbering>',
        "word/document.xml": f'<w:document {main}><w:body>{"".join(body)}<w:sectPr/></w:body></w:document>',
    }, declaration


def main():
    for source in sorted((HERE / "source").glob("*.md")):
        target = HERE / "corpus" / source.stem
        title, blocks = parse(source.read_text(encoding="utf-8"))
        if target.suffix == ".pdf":
            pdf = Pdf(title)
            for kind, value in blocks:
                pdf.add(kind, value)
            target.write_bytes(pdf.bytes())
        elif target.suffix == ".docx":
            parts, declaration = docx(title, blocks)
            with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as package:
                for name, text in parts.items():
                    entry = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
                    entry.compress_type = zipfile.ZIP_DEFLATED
                    package.writestr(entry, declaration + text)
        else:
            sys.exit(f"{source}: a source is named NAME.pdf.md or NAME.docx.md")
        print(target.relative_to(HERE))


if __name__ == "__main__":
    main()
