"""Archives as registries have them."""

from __future__ import annotations

import io
import tarfile


def tar_with_link(**files: bytes) -> io.BytesIO:
    """A tar archive of files and a link out of it; `__` in a name stands for a slash."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:xz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name.replace("__", "/"))
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    stream.seek(0)
    return stream
