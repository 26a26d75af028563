"""``reservoir-search layout``: drawing, parameters and FLOPs of a stack, by arithmetic alone."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from search.study.console import say
from spaces.counts import ParamCounts, count_params
from spaces.dimensions import Dimensions, Norm, Tied
from spaces.flops import Backward, FlopsPerToken, Savings, flops_per_token
from spaces.kinds import LAYER_KINDS, PART_NAMES, decoder_letters, listed
from spaces.layout import Layout
from spaces.presets import PAPER_SIZES, PRESETS, resolve_layout

SENTENCE_TOKENS = 25  # source and target; attention's share of the FLOPs depends on it


Stack = Annotated[
    str,
    typer.Argument(
        metavar="LAYOUT",
        help=f"Encoder, bottom to top, as R1LR1L or (R1L)*4, or a preset: {', '.join(PRESETS)}.",
    ),
]


def layout(
    stack: Stack,
    decoder: Annotated[
        str, typer.Option(help=f"Decoder, bottom to top, of {listed(decoder_letters(), 'and')}.")
    ] = "LL",
    d_model: Annotated[int, typer.Option(help="Width of the model.")] = PAPER_SIZES.d_model,
    ffn: Annotated[
        int, typer.Option(help="Inner width of the feed-forward blocks.")
    ] = PAPER_SIZES.ffn,
    heads: Annotated[int, typer.Option(help="Heads of each attention.")] = PAPER_SIZES.heads,
    src_rows: Annotated[
        int, typer.Option(help="Entries of the source dictionary.")
    ] = PAPER_SIZES.src_rows,
    tgt_rows: Annotated[
        int, typer.Option(help="Entries of the target dictionary.")
    ] = PAPER_SIZES.tgt_rows,
    norm: Annotated[
        Norm, typer.Option(help="LayerNorm before or after each block.")
    ] = PAPER_SIZES.norm,
    tied: Annotated[
        Tied, typer.Option(help="Embeddings that share one matrix.")
    ] = PAPER_SIZES.tied,
    embedding_dim: Annotated[
        int | None, typer.Option(help="Width of factorised embeddings.", show_default=False)
    ] = None,
    reservoir_backward: Annotated[
        Backward,
        typer.Option(help="Path of gradients: through the encoder's reservoirs, or around."),
    ] = "through",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Draw a layout; print its canonical form, parameters and FLOPs per target token."""
    encoder, decoder_layout = resolve_layout(stack), Layout.parse(decoder)
    dims = Dimensions(
        d_model=d_model,
        ffn=ffn,
        heads=heads,
        src_rows=src_rows,
        tgt_rows=tgt_rows,
        norm=norm,
        tied=tied,
        embedding_dim=embedding_dim,
    )
    counts = count_params(encoder, decoder_layout, dims)
    flops = flops_per_token(
        encoder,
        decoder_layout,
        dims,
        src_length=SENTENCE_TOKENS,
        tgt_length=SENTENCE_TOKENS,
        savings=Savings(around_reservoirs=reservoir_backward == "around"),
    )
    report = report_json if as_json else report_text
    say(report(encoder, decoder_layout, counts, flops))


def report_json(encoder: Layout, decoder: Layout, counts: ParamCounts, flops: FlopsPerToken) -> str:
    """Layout, parameters and FLOPs per target token as one line of JSON."""
    return json.dumps(
        {
            "layout": str(encoder),
            "canonical": str(encoder.canonical()),
            "decoder": str(decoder.canonical()),
            "n_params_total": counts.total,
            "n_params_learned": counts.learned,
            "n_params_stored": counts.stored,
            "n_params_encoder": counts.encoder,
            "flops_per_token_forward": flops.forward,
            "flops_per_token_training": flops.training,
        }
    )


def report_text(encoder: Layout, decoder: Layout, counts: ParamCounts, flops: FlopsPerToken) -> str:
    """Drawing, parameters and FLOPs per target token as text."""
    parameters = [
        ("total", counts.total, "a shared weight set counts once"),
        ("learned", counts.learned, "what training changes"),
        ("stored", counts.stored, "what a checkpoint holds"),
        ("encoder", counts.encoder, "without embeddings"),
    ]
    work = [("forward", flops.forward), ("training", flops.training)]
    return "\n".join(
        [
            *drawing(encoder),
            "",
            f"canonical  {encoder.canonical()}",
            f"decoder    {decoder.canonical()}",
            "",
            "parameters",
            *(f"  {name:<8} {n_params:>13,}  {what}" for name, n_params, what in parameters),
            "",
            f"FLOPs per target token, sentences of {SENTENCE_TOKENS} tokens",
            *(f"  {name:<8} {n_flops:>13,.0f}" for name, n_flops in work),
        ]
    )


def drawing(stack: Layout) -> list[str]:
    """Lines of a drawing, depth 0 at the bottom; a shared weight set names its first depth."""
    layers = stack.canonical().layers
    bases = [layer.base for layer in layers]
    width = max(len(kind.name) for kind in LAYER_KINDS.values())
    label = max(4, *(len(str(layer)) for layer in layers))
    lines = []
    for depth, layer in enumerate(layers):
        first = depth if layer.weight_set is None else bases.index(layer.base)
        shares = f"  {PART_NAMES[layer.part]} of depth {first}" if first < depth else ""
        name = LAYER_KINDS[layer.kind].name
        lines.append(f"{depth:>3} │ {layer!s:<{label}} {name:<{width}} │{shares}")
    return [
        "    ┌" + "─" * (width + label + 3) + "┐",
        *reversed(lines),
        "    └" + "─" * (width + label + 3) + "┘",
        "      embeddings",
    ]
