"""The model card of an export: what it is, how it was made, how good it is."""

from __future__ import annotations

from search.exports.exported import Exported
from search.study.trial_record import TrialRecord
from trainable.config import ModelConfig
from trainable.corpus import Corpus


def model_card(exported: Exported, record: TrialRecord, corpus: Corpus) -> str:
    """Markdown for the export's ``README.md``."""
    config, manifest = exported.config, corpus.manifest
    model, train, counts = config.model, config.train, record.counts
    how = (
        f"trained to the study's full budget; the weights are those of update "
        f"{exported.n_updates}, the best on the validation set"
        if exported.trained_in_full
        else f"the weights of update {exported.n_updates} of the search's trial {record.id}; "
        "`reservoir-search export --train` trains to the full budget"
    )
    return f"""# Reservoir Transformer, {manifest.src} to {manifest.tgt}

| | |
| --- | --- |
| encoder layout | `{model.encoder}` (bottom to top; R random and frozen, L learned) |
| decoder layout | `{model.decoder}` |
| dimensions | d_model {model.d_model}, ffn {model.ffn}, {model.heads} heads, \
{model.norm}-norm, embeddings {model.embedding_dim or model.d_model} (tied: {model.tied}) |
| parameters | {counts.total:,} in all, {counts.learned:,} learned, {counts.stored:,} stored |
| reservoirs | {_drawn(model)}, drawn from seed {config.seed} with gain \
{model.reservoir_gain}; gradients go {model.reservoir_backward} them; not stored |
| training | {how} |
| optimizer | Adam (0.9, 0.98), lr {train.lr}, {train.warmup_updates} warm-up updates, \
{train.batch_tokens} tokens an update, label smoothing {train.label_smoothing} |
| BLEU, validation | {exported.valid.bleu:.2f} (beam 5, {exported.valid.signature}) |
| BLEU, test | {exported.test.bleu:.2f} (beam 5, {exported.test.signature}) |
| data | {manifest.corpus}, licence: {manifest.licence} |

## Use

```
reservoir-search translate THIS-FOLDER < sentences.{manifest.src}
bash fairseq-train.sh DATA          # trains the layout again, with fairseq itself
fairseq-generate DATA --path checkpoint.pt --user-dir TRAINABLE --beam 5 --remove-bpe \\
    --required-batch-size-multiple 1
```

`TRAINABLE` is `python -c 'import trainable; print(trainable.__path__[0])'`.

## Limits

Trained on {manifest.counts["train"].n_sentences:,} sentence pairs of one corpus; other text
will be translated badly. The licence of the data binds the use of the weights.
"""


def _drawn(model: ModelConfig) -> str:
    """Initialisation of the reservoirs: ``xavier``, or ``sparse (density 0.1)``."""
    way = model.reservoir_draw
    return f"{way} (density {model.reservoir_density})" if way == "sparse" else way
