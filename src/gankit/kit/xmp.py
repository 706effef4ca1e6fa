"""The statement that a file is synthetic, as XMP: for formats that embed it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from html import escape
from pathlib import Path

from gankit.contract import Modality


def xmp_packet(text: Mapping[str, str]) -> str:
    """An XMP packet (ISO 16684-1) with the IPTC digital source type, and the system that generated
    the file with its version, as IPTC Photo Metadata 2025.1 names them.

    Args:
        text: as :meth:`Provenance.text` gives it, or :func:`gankit.kit.pictures.synthetic`.
    """
    software, created = text.get("Software", "gankit"), text.get("CreationTime", "")
    date = f"\n   <xmp:CreateDate>{escape(created)}</xmp:CreateDate>" if created else ""
    system, _, version = software.partition(" ")
    version = (
        f"\n   <Iptc4xmpExt:AISystemVersionUsed>{escape(version)}</Iptc4xmpExt:AISystemVersionUsed>"
        if version
        else ""
    )
    kind = escape(text.get("DigitalSourceType", Modality.source_type))
    return f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">
   <xmp:CreatorTool>{escape(software)}</xmp:CreatorTool>{date}
   <Iptc4xmpExt:DigitalSourceType>{kind}</Iptc4xmpExt:DigitalSourceType>
   <Iptc4xmpExt:AISystemUsed>{escape(system)}</Iptc4xmpExt:AISystemUsed>{version}
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>"""


def append_xmp(file: Path, packet: str) -> None:
    """Adds an XMP packet to a GIF or MP4 file (XMP Specification Part 3): as an application
    extension before the last byte, or a box of its own at the end.

    Args:
        file: ends in ``.gif`` or ``.mp4``.
    """
    raw = packet.encode()
    with file.open("r+b") as out:
        if file.suffix.lower() == ".gif":
            # A reader that counts blocks by their first byte finds its way out by these.
            trailer = b"\x01" + bytes(range(255, -1, -1)) + b"\0"
            out.seek(-1, os.SEEK_END)
            out.write(b"\x21\xff\x0bXMP DataXMP" + raw + trailer + b";")
        else:
            box = b"uuid" + bytes.fromhex("BE7ACFCB97A942E89C71999491E3AFAC") + raw
            out.seek(0, os.SEEK_END)
            out.write((len(box) + 4).to_bytes(4, "big") + box)
