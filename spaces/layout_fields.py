"""Layouts as fields of pydantic models, read from and written in their notation."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Annotated

from pydantic import PlainSerializer, PlainValidator

from spaces.layout import Layout, LayoutError, check_decoder, parse_decoder
from spaces.presets import resolve_layout

Read = Callable[[str], Layout]


def _reader(read: Read, finish: Callable[[Layout], Layout]) -> PlainValidator:
    """Validator that takes a text or a layout and returns the finished layout."""

    @lru_cache(maxsize=4096)  # a study names its layouts again and again
    def finished(value: str | Layout) -> Layout:
        return finish(read(value) if isinstance(value, str) else value)

    def validate(value: object) -> Layout:
        if not isinstance(value, str | Layout):
            raise ValueError("must be a layout in its notation, as 'R1LR1L'")
        try:
            return finished(value)
        except LayoutError as error:
            raise ValueError(str(error)) from error

    return PlainValidator(validate, json_schema_input_type=str)


def _decoder(layout: Layout) -> Layout:
    check_decoder(layout)
    return layout.canonical()


_AS_TEXT = PlainSerializer(str, return_type=str)

# A layout that keeps the numbers of its weight sets as written.
WrittenLayout = Annotated[Layout, _reader(Layout.parse, lambda layout: layout), _AS_TEXT]
# Canonical layouts; an encoder can be a preset's name, a decoder has kinds that decoders allow
# or is "none".
EncoderLayout = Annotated[Layout, _reader(resolve_layout, Layout.canonical), _AS_TEXT]
DecoderLayout = Annotated[Layout, _reader(parse_decoder, _decoder), _AS_TEXT]
