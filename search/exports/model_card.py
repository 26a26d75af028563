"""The model card of an export: what it is, how it was made, how good it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from search.exports.exported import Exported
from search.exports.exported_scores import FurtherScores
from search.exports.train_script import export_name, left_out
from spaces.kinds import LAYER_KINDS
from trainable.config import ModelConfig
from trainable.digests import file_sha256
from trainable.export_files import WEIGHTS

# Names of our tasks on Hugging Face's hub.
_PIPELINES = MappingProxyType(
    {
        "translation": "translation",
        "summarisation": "summarization",
        "classification": "text-classification",
        "masked_lm": "fill-mask",
    }
)


def model_card(exported: Exported, further: Mapping[str, FurtherScores]) -> str:
    """Markdown for the export's ``README.md``.

    Args:
        further: scores by other metrics, by the metric's name.
    """
    config, task, record = exported.config, exported.task, exported.record
    model, train, counts = config.model, config.train, record.counts
    metric, decoding = task.metric.name, task.final_decoding
    valid, test = exported.valid, exported.test
    commands = "\n".join(task.use_commands("THIS-FOLDER"))
    how = (
        f"trained to the study's full budget; the weights are those of update "
        f"{exported.n_updates}, the best on the validation set"
        if exported.trained_in_full
        else f"the weights of update {exported.n_updates} of the search's trial {record.id}; "
        "`reservoir-search export --train` trains to the full budget"
    )
    return f"""{_head(exported)}
# Reservoir Transformer, {task.manifest.subject}

| | |
| --- | --- |
| encoder layout | `{model.encoder}` (bottom to top; {_legend(model)}) |
{_decoder(model)}\
| dimensions | d_model {model.d_model}, ffn {model.ffn}, {model.heads} heads, \
{model.norm}-norm, {model.attention} attention, embeddings \
{model.embedding_dim or model.d_model}{_tied(model)} |
| parameters | {counts.total:,} in all, {counts.learned:,} learned, {counts.stored:,} stored |
| reservoirs | {_drawn(model)}, drawn from seed {config.seed} with gain \
{model.reservoir_gain}; gradients go {model.reservoir_backward} them; not stored |
{_verdict(exported)}{_start(exported)}{_teacher(exported)}| training | {how} |
| optimizer | Adam (0.9, 0.98), lr {train.lr}, {train.warmup_updates} warm-up updates, \
{train.batch_tokens} tokens an update, label smoothing {train.label_smoothing} |
| {metric}, validation | {valid.score:.2f} ({decoding}, {_cell(valid.signature)}) |
| {metric}, test | {test.score:.2f} ({decoding}, {_cell(test.signature)}) |
{_further(further, decoding)}\
| data | {_cell(task.manifest.corpus)}, licence: {_cell(task.manifest.licence)} |
{_targets(exported)}\

## Use

```
{commands}
bash fairseq-train.sh DATA          # trains the layout again, with fairseq itself\
{_without(exported)}
```

`TRAINABLE` is `python -c 'import trainable; print(trainable.__path__[0])'`.

## Limits

{task.limits} The licence of the data binds the use of the weights.
"""


def _without(exported: Exported) -> str:
    """Remark that the script of fairseq's command names parts that it leaves out, if any."""
    arguments = exported.task.fairseq_options(exported.config.train)
    return ", but for what it says" if left_out(exported.config.train, [*arguments]) else ""


def _further(further: Mapping[str, FurtherScores], decoding: str) -> str:
    """Rows on the scores of the test set by other metrics."""
    return "".join(
        f"| {_cell(name)}, test | {scores.score_test:.2f} ({decoding}, {_cell(scores.signature)}) "
        "|\n"
        for name, scores in further.items()
    )


def _cell(text: str) -> str:
    """Text in a cell of a table, whose bars end no cell and whose lines end no row."""
    return " ".join(text.split()).replace("|", "\\|")


def _head(exported: Exported) -> str:
    """Metadata as Hugging Face's hub reads them: YAML, whose values are written as JSON."""
    manifest, metric = exported.task.manifest, exported.task.metric.name
    kind = _PIPELINES.get(exported.task.name, "other")
    result = {
        "task": {"type": kind},
        "dataset": {"name": manifest.corpus, "type": "other"},
        "metrics": [{"type": metric.lower(), "value": exported.test.score}],
    }
    values = {
        "language": [language for language in (manifest.src, manifest.tgt) if language],
        "license": "other",
        "license_name": manifest.licence,
        "pipeline_tag": kind,
        "library_name": "reservoir-search",
        "tags": ["reservoir-transformer", "fairseq", "safetensors"],
        "model-index": [{"name": str(exported.config.model.encoder), "results": [result]}],
    }
    lines = (f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in values.items())
    return "\n".join(["---", *lines, "---", ""])


def _decoder(model: ModelConfig) -> str:
    """Row of the table with the decoder, if there is one."""
    return f"| decoder layout | `{model.decoder}` |\n" if model.decoder.depth else ""


def _tied(model: ModelConfig) -> str:
    return f" (tied: {model.tied})" if model.decoder.depth else ""


def _legend(model: ModelConfig) -> str:
    """The kinds of the layouts: ``R Transformer reservoir, L learned``."""
    used = {*model.encoder.kinds, *model.decoder.kinds}
    return ", ".join(
        f"{kind.letter} {kind.name}" for kind in LAYER_KINDS.values() if kind.letter in used
    )


def _drawn(model: ModelConfig) -> str:
    """Initialisation of the reservoirs: ``xavier``, or ``sparse (density 0.1)``."""
    way = model.reservoir_draw
    return f"{way} (density {model.reservoir_density})" if way == "sparse" else way


def _verdict(exported: Exported) -> str:
    """Row on what the search's trial gained by its reservoirs; empty where nothing is known."""
    if exported.verdict is None:
        return ""
    return f"| in the search | {_cell(exported.verdict)} |\n"


def _targets(exported: Exported) -> str:
    """Row on the training targets, if they are a teacher's translations."""
    teacher = exported.task.manifest.teacher
    return "" if teacher is None else f"| training targets | {_cell(str(teacher))} |\n"


def _start(exported: Exported) -> str:
    """Row on the export whose encoder the training started from, if there is one."""
    path = exported.config.train.init_from
    if path is None:
        return ""
    row = f"the encoder of `{_cell(export_name(path))}`, `{exported.config.model.encoder}`"
    try:
        row += f", its {WEIGHTS} of SHA-256 `{file_sha256(Path(path) / WEIGHTS)[:16]}…`"
    except OSError:
        row += ", which is gone"
    return f"| start of the training | {row} |\n"


def _teacher(exported: Exported) -> str:
    """Row on the teacher of word-level distillation, if there is one."""
    train, cost = exported.config.train, exported.record.teacher
    if train.distill is None:
        return ""
    share = f"`{_cell(export_name(train.distill))}`, {train.distill_weight:g} of the loss"
    return f"| teacher, word by word | {share}{'' if cost is None else f': {cost}'} |\n"
