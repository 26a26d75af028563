"""A matplotlib figure as SVG in the page."""

from __future__ import annotations

import io

from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure


def svg_of(figure: Figure) -> Markup:
    """SVG element of the figure; texts are drawn as paths, so no font is needed."""
    text = io.StringIO()
    with rc_context({"svg.fonttype": "path", "svg.hashsalt": "report"}):
        FigureCanvasSVG(figure)
        figure.savefig(text, format="svg", metadata={"Date": None})
    _, _, svg = text.getvalue().partition("<svg")  # without the XML header
    return Markup(f"<svg{svg}")
