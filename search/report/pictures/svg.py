"""A figure as part of the page."""

from __future__ import annotations

import io

from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure


def svg_of(figure: Figure) -> Markup:
    """The figure as SVG to stand in HTML; its texts are drawn, so it needs no font."""
    text = io.StringIO()
    with rc_context({"svg.fonttype": "path", "svg.hashsalt": "report"}):
        FigureCanvasSVG(figure)
        figure.savefig(text, format="svg", metadata={"Date": None})
    _, _, svg = text.getvalue().partition("<svg")  # without the XML's head
    return Markup(f"<svg{svg}")
