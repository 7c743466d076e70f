"""The description of both APIs, and a page to read it and try it in a browser.

The description is the file that is made from both services' tables of operations. The page's script and style are those
of the package swagger-ui-py, read where it is installed: nothing is fetched from elsewhere when it is looked at.
"""

from importlib.metadata import distribution
from pathlib import Path
from typing import Final, NamedTuple

FILE: Final = Path(__file__).resolve().parents[2] / "docs" / "reference" / "openapi.json"
_PAGE: Final = b"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Outcry</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="page"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
_START: Final = b"""SwaggerUIBundle({
  url: "/openapi.json", dom_id: "#page", deepLinking: true, docExpansion: "list", tryItOutEnabled: true
});
"""
_SECURE: Final = (
    (b"content-security-policy", b"default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'"),
    (b"x-content-type-options", b"nosniff"),
)


class Page(NamedTuple):
    media_type: bytes
    content: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()


def pages() -> dict[str, Page]:
    """By path. Read once, when the process starts."""
    assets = distribution("swagger-ui-py")

    def asset(name: str) -> bytes:
        return Path(str(assets.locate_file(f"swagger_ui/static/{name}"))).read_bytes()

    return {
        "/openapi.json": Page(b"application/json", FILE.read_bytes()),
        "/docs": Page(b"text/html; charset=utf-8", _PAGE, _SECURE),
        "/docs/start.js": Page(b"text/javascript", _START),
        "/docs/swagger-ui.css": Page(b"text/css", asset("swagger-ui.css")),
        "/docs/swagger-ui-bundle.js": Page(b"text/javascript", asset("swagger-ui-bundle.js")),
    }
