"""Files as people attach them: those that can be read, and those that are made to hurt whoever reads them."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Sequence


def png(width: int = 640, height: int = 480) -> bytes:
    """The beginning of a PNG, up to its size: nobody here looks further."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))


def jpeg(width: int = 640, height: int = 480) -> bytes:
    return (
        b"\xff\xd8\xff\xc0\x00\x11\x08"
        + struct.pack(">HH", height, width)
        + b"\x03"
        + b"\x01\x11\x00" * 3
        + b"\xff\xd9"
    )


def gif(width: int = 640, height: int = 480) -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\x00\x00\x00;"


def webp(width: int = 640, height: int = 480) -> bytes:
    frame = b"\x00\x00\x00\x9d\x01\x2a" + struct.pack("<HH", width, height)
    return b"RIFF" + struct.pack("<I", 12 + len(frame)) + b"WEBPVP8 " + struct.pack("<I", len(frame)) + frame


def pdf(*pages: str, packed: Sequence[bytes] = ()) -> bytes:
    """A PDF with a text on each page, or with *packed* (zlib) streams as its pages."""
    streams = [zlib.compress(f"BT /F1 12 Tf 20 700 Td ({text}) Tj ET".encode()) for text in pages] or list(packed)
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(streams)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(streams)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for number, stream in enumerate(streams):
        page = f"<< /Type /Page /Parent 2 0 R /Contents {5 + 2 * number} 0 R /MediaBox [0 0 600 800]"
        objects.append(f"{page} /Resources << /Font << /F1 3 0 R >> >> >>".encode())
        head = f"<< /Length {len(stream)} /Filter /FlateDecode >>\nstream\n".encode()
        objects.append(head + stream + b"\nendstream")
    out = b"%PDF-1.4\n"
    places = []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    end = f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF\n"
    return out + f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}{end}".encode()


def encrypted_pdf(text: str = "secret") -> bytes:
    import pypdf

    writer = pypdf.PdfWriter(clone_from=io.BytesIO(pdf(text)))
    writer.encrypt("a password", algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def packed(size: int, piece: bytes = b"\0") -> bytes:
    """*size* bytes in a thousandth of them."""
    packer = zlib.compressobj(9)
    block = piece * (1_000_000 // len(piece))
    return b"".join(packer.compress(block) for _ in range(size // len(block))) + packer.flush()


def exploding_pdf() -> bytes:
    """Its page unpacks to 200 MB."""
    return pdf(packed=[packed(200_000_000)])


def endless_pdf() -> bytes:
    """It takes hours to read: a hundred pages of millions of words each."""
    page = packed(60_000_000, b"BT (a) Tj ET ")
    return pdf(packed=[page] * 100)


def zip_bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros.txt", bytes(20_000_000))
    return out.getvalue()
