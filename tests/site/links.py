"""Check built pages for broken links and for resources from other hosts."""

import re
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

SCRIPT = re.compile(r"<script\b.*?</script>", re.DOTALL)
LINK = re.compile(r'<a\b[^>]*?\bhref="([^"]*)"')
LOADED = re.compile(
    r"""<(?:link|img|script|iframe)\b[^>]*?(?:src|href)\s*=\s*["']?(?:https?:)?//[^>]*"""
    r"""|url\(["']?(?:https?:)?//[^)]*|@import[^;]*"""
)

MEMBER = re.compile(r'<a href="#([^"]+)">([^<]*)</a>')


def without_hidden(page: str) -> str:
    """The page, a member that it does not show, as an inherited one, in words and not as a link."""
    return MEMBER.sub(lambda link: link[0] if f'id="{link[1]}"' in page else link[2], page)


def broken(folder: Path) -> Iterator[str]:
    """Broken links between pages, and anything that a page would load from another host."""
    pages = {path.resolve(): path.read_text("utf-8") for path in folder.rglob("*.html")}
    for path, text in pages.items():
        for link in LINK.findall(SCRIPT.sub("", text)):
            target, _, part = urllib.parse.unquote(link).partition("#")
            if "://" in target:
                continue  # external links are followed, not loaded
            page = pages.get((path.parent / target).resolve() if target else path)
            if page is None or (part and f'id="{part}"' not in page):
                yield f"{path}: a link to {link} leads nowhere"
        yield from (f"{path}: loaded from elsewhere: {found}" for found in LOADED.findall(text))
