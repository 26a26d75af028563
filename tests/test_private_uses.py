"""Other libraries' private parts are used in one place each, and none of their names taken."""

from __future__ import annotations

import ast
import inspect
import sys
from functools import cache
from importlib import import_module

from ray.tune.schedulers import MedianStoppingRule

from tests.private_uses import OURS, PRIVATE_ROOM, ROOT, classes, files, own_names, uses

TREES = {path.relative_to(ROOT): ast.parse(path.read_text(encoding="utf-8")) for path in files()}


def test_other_libraries_private_parts_are_used_in_their_rooms_alone():
    known = classes(list(TREES.values()))
    elsewhere = [
        f"{path}:{line}: {use}"
        for path, tree in TREES.items()
        if not str(path).startswith(PRIVATE_ROOM)
        for line, use in uses(tree, known)
    ]
    assert elsewhere == []


PLANTED = """
import ray._private.services
from mlflow.store.tracking import sqlalchemy_store
from optuna import _deprecated
from ray.tune.schedulers import MedianStoppingRule

class Rule(MedianStoppingRule):
    def __init__(self):
        super().__init__()
        self._mine = study._storage
        ray.init(_temp_dir="/tmp")
        print(self._mine, self._grace_period)
        run("from ray._raylet import GcsClient", {"TUNE_RESULT_DIR": getattr(self, "_results")})
"""


def test_the_search_for_them_finds_each_way_to_use_one():
    tree = ast.parse(PLANTED)
    assert {use for _, use in uses(tree, classes([tree]))} == {
        "import of ray._private.services",
        "import of mlflow.store.tracking.sqlalchemy_store",
        "import of optuna._deprecated",
        "study._storage",
        "_temp_dir=",
        "self._grace_period, inherited",
        "'from ray._raylet import GcsClient'",
        "'TUNE_RESULT_DIR'",
        "'_results'",
    }


def subclasses_of_others() -> list[tuple[str, str]]:
    """Module and name of each of our classes that has a base of another library's."""
    return [
        (".".join(path.with_suffix("").parts), node.name)
        for path, tree in TREES.items()
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.bases and path.parts[0] != "benchmarks"
    ]


@cache
def names_of(class_: type) -> frozenset[str]:
    """The private names that a class of another library defines or sets."""
    try:
        (node,) = ast.parse(inspect.cleandoc("\n" + inspect.getsource(class_))).body
    except (OSError, TypeError):  # it is written in C
        return frozenset()
    assert isinstance(node, ast.ClassDef)
    return own_names(node)


# In the room of private uses, where it is meant; tests/test_private_parts.py sees that they act.
REPLACED = {
    ("trainable.private.fairseq.SentencesMaskedLM", "_load_dataset_split"),
    ("trainable.private.tune.TensorBoardLogs", "_summary_writer_cls"),
}


def test_no_class_of_ours_takes_a_private_name_of_its_base():
    assert {"_time_attr", "_results"} <= names_of(MedianStoppingRule)
    taken = []
    for module, name in subclasses_of_others():
        class_ = getattr(import_module(module), name)
        others = [
            base
            for base in class_.__mro__
            if base.__module__.partition(".")[0] not in (*OURS, *sys.stdlib_module_names)
        ]
        ours = [base for base in class_.__mro__ if base.__module__.partition(".")[0] in OURS]
        mine = frozenset().union(*(names_of(base) for base in ours))
        taken += [
            f"{module}.{name}: {shared} of {base.__qualname__}"
            for base in others
            for shared in mine & names_of(base)
            if (f"{module}.{name}", shared) not in REPLACED
        ]
    assert taken == []
