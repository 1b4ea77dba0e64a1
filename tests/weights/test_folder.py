import json
import os
import shutil

import numpy as np
import pytest
import torch

from roberta.errors import CheckpointError, NetworkError, UsageError
from roberta.hub import Origin
from roberta.weights import safetensors_file, torch_file
from roberta.weights.arrays import BFLOAT16
from roberta.weights.folder import find_weights, parse_size, read_weights, save_weights
from roberta.weights.formats import FORMATS, recognise
from roberta.weights.names import match
from tests.shared import SHARED, needs_shared
from tests.weights import fake_hub
from tests.weights.weight_files import is_mapped

TENSORS = {f"layer.{number}": np.full((10, 10), number, np.float32) for number in range(5)}  # 400 bytes each
FORMS = {
    "model.safetensors": {},
    "model.safetensors.index.json": {"max_shard_size": 1000},
    "pytorch_model.bin": {"safe_serialization": False},
    "pytorch_model.bin.index.json": {"safe_serialization": False, "max_shard_size": 1000},
}


def read(folder):
    return read_weights(Origin(folder)).tensors


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


def equal(one, other):
    return list(one) == list(other) and all(np.array_equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("form", FORMS)
def test_each_form_is_read_as_it_was_saved(tmp_path, form):
    written = save_weights(tmp_path / "new" / "folder", TENSORS, **FORMS[form])
    assert written[-1].name == form
    assert names(tmp_path / "new" / "folder") == sorted(path.name for path in written)
    assert find_weights(Origin(tmp_path / "new/folder")).name == form
    assert equal(read(tmp_path / "new" / "folder"), TENSORS) or sorted(TENSORS) == sorted(read(tmp_path / "new/folder"))
    for name, array in read(tmp_path / "new" / "folder").items():
        assert np.array_equal(array, TENSORS[name])


@pytest.mark.parametrize("later", FORMS)
@pytest.mark.parametrize("former", FORMS)
def test_weight_files_of_a_former_save_go_and_others_stay(tmp_path, former, later):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model-card.safetensors.txt").write_text("")
    save_weights(tmp_path, {**TENSORS, "more": np.zeros((20, 20), np.float32)}, **FORMS[former])
    written = save_weights(tmp_path, TENSORS, **FORMS[later])
    assert names(tmp_path) == sorted(["config.json", "model-card.safetensors.txt", *(path.name for path in written)])
    assert read(tmp_path).keys() == TENSORS.keys()


def test_shards_keep_to_their_size_and_the_index_says_what_is_where(tmp_path):
    written = save_weights(tmp_path, {**TENSORS, "big": np.zeros(1000, np.float32)}, max_shard_size="0.9KB")
    assert [path.name for path in written] == [
        *(f"model-0000{number}-of-00004.safetensors" for number in (1, 2, 3, 4)),
        "model.safetensors.index.json",
    ]
    index = json.loads(written[-1].read_text())
    assert index["metadata"] == {"total_size": 6000}
    held = {name: path.name for path in written[:-1] for name in safetensors_file.read(path)}
    assert index["weight_map"] == held
    assert held["big"] == "model-00004-of-00004.safetensors"


def test_safetensors_keeps_the_first_of_tied_tensors_and_pytorch_ties_them(tmp_path):
    tied = {"words": TENSORS["layer.1"], "decoder": TENSORS["layer.1"], "other": TENSORS["layer.1"].copy()}
    save_weights(tmp_path, tied)
    assert read(tmp_path).keys() == {"words", "other"}
    save_weights(tmp_path, tied, safe_serialization=False)
    loaded = torch.load(tmp_path / "pytorch_model.bin", weights_only=True)
    assert loaded["words"].data_ptr() == loaded["decoder"].data_ptr() != loaded["other"].data_ptr()


def test_weights_can_be_saved_over_the_files_that_they_are_views_of(tmp_path):
    for options in FORMS.values():
        save_weights(tmp_path, TENSORS, **options)
        save_weights(tmp_path, read(tmp_path), **options)
        assert all(np.array_equal(array, TENSORS[name]) for name, array in read(tmp_path).items())


def test_the_stored_type_is_the_one_of_most_numbers(tmp_path):
    mixed = {"a": np.zeros(5, BFLOAT16), "b": np.zeros(2, np.float32), "position_ids": np.zeros(99, np.int64)}
    save_weights(tmp_path, mixed)
    assert read_weights(Origin(tmp_path)).dtype == "bfloat16"


@pytest.mark.parametrize(
    ("size", "count"), [("5GB", 5 * 10**9), ("1GiB", 2**30), ("200MB", 2 * 10**8), ("1.5 kb", 1500), (7, 7)]
)
def test_sizes_are_read(size, count):
    assert parse_size(size) == count


@pytest.mark.parametrize("size", ["", "5", "five", "-1GB", "0MB", 0, -3, "1e3MB"])
def test_sizes_that_are_none_are_refused(size):
    with pytest.raises(UsageError, match="max_shard_size"):
        parse_size(size)


def test_safetensors_goes_before_pytorch_and_one_file_before_shards(tmp_path):
    order = list(FORMS)
    for number, form in enumerate(reversed(order)):
        save_weights(tmp_path / form, {"who": np.float32([number])}, **({"max_shard_size": 1} | FORMS[form]))
        shutil.copytree(tmp_path / form, tmp_path / "all", dirs_exist_ok=True)
        if not form.endswith("json"):
            assert read(tmp_path / "all")["who"].tolist() == [number]


def test_a_file_that_is_named_is_taken_as_it_is(tmp_path):
    save_weights(tmp_path, TENSORS)
    safetensors_file.write(tmp_path / "best.safetensors", {"best": np.zeros(1, np.float32)})
    assert read(tmp_path / "best.safetensors").keys() == {"best"}
    (tmp_path / "config.json").write_text("{}")
    assert read(tmp_path / "config.json").keys() == TENSORS.keys()


def test_a_weight_file_is_known_by_what_is_in_it_not_by_its_name(tmp_path):
    safetensors_file.write(tmp_path / "pytorch_model.bin", TENSORS)
    assert equal(read(tmp_path), TENSORS)
    torch_file.write(tmp_path / "model.safetensors", {"a": np.zeros(1, np.float32)})
    assert read(tmp_path).keys() == {"a"}
    assert recognise(tmp_path / "model.safetensors") is FORMATS[1]


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
        (b"<!DOCTYPE html>", "a web page"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "the HDF5 library cannot read it"),
        (b"", "too few"),
        (b"hello", "too few"),
    ],
)
def test_other_files_under_a_weight_files_name_are_told_apart(tmp_path, start, message):
    (tmp_path / "model.safetensors").write_bytes(start)
    with pytest.raises(CheckpointError, match=message):
        read(tmp_path)


def test_a_file_of_no_known_kind_is_refused(tmp_path):
    (tmp_path / "x").write_bytes(b"hello")
    with pytest.raises(CheckpointError, match="not a weight file of a kind that is read"):
        recognise(tmp_path / "x")


def test_a_pipe_or_folder_in_place_of_weights_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(CheckpointError, match="not an ordinary file"):
        safetensors_file.read(tmp_path / "pipe")
    with pytest.raises(CheckpointError, match=r"not an ordinary file|cannot be"):
        safetensors_file.read(tmp_path)
    with pytest.raises(CheckpointError, match="No such file"):
        safetensors_file.read(tmp_path / "none")


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("model.pt", "only as model.pt, of fairseq; turn them into safetensors with: roberta convert"),
        ("notes.txt", "none of model.safetensors, .* which holds notes.txt; name a folder or repository with weights"),
    ],
)
def test_a_folder_without_weights_says_what_is_there_and_what_to_do(tmp_path, file, message):
    (tmp_path / file).write_bytes(b"x")
    with pytest.raises(CheckpointError, match=message):
        read(tmp_path)


def _sharded(folder, **changes):
    """Shards a.safetensors {x} and b.safetensors {y}, with an index changed as told."""
    safetensors_file.write(folder / "a.safetensors", {"x": np.zeros(1, np.float32)})
    safetensors_file.write(folder / "b.safetensors", {"y": np.ones(1, np.float32)})
    index = {"metadata": {}, "weight_map": {"x": "a.safetensors", "y": "b.safetensors"}} | changes
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def test_the_index_of_the_crafted_cases_would_be_good_without_their_fault(tmp_path):
    _sharded(tmp_path)
    assert list(read(tmp_path)) == ["x", "y"]


@pytest.mark.parametrize(
    "shard",
    [
        "../a.safetensors",
        "/etc/a.safetensors",
        "sub/a.safetensors",
        "sub\\a.safetensors",
        "..",
        ".",
        "",
        ".a.safetensors",
        "a.safetensors\n",
        "a.safetensors\0",
        "C:a.safetensors",
        "config.json",
        "a\u2044b.safetensors",
    ],
)
def test_an_index_names_only_plain_shards_beside_it(tmp_path, shard):
    (tmp_path / "deep").mkdir()
    _sharded(tmp_path)
    _sharded(tmp_path / "deep", weight_map={"x": shard, "y": "b.safetensors"})
    with pytest.raises(CheckpointError, match="not the plain name of a shard"):
        read(tmp_path / "deep")


@pytest.mark.parametrize("weight_map", [None, [], {}, {"x": 1}, {"x": None}, "a.safetensors"])
def test_an_index_without_a_map_is_refused(tmp_path, weight_map):
    _sharded(tmp_path, weight_map=weight_map)
    with pytest.raises(CheckpointError, match="no weight_map"):
        read(tmp_path)


def test_an_index_with_a_name_twice_is_refused(tmp_path):
    _sharded(tmp_path)
    (tmp_path / "model.safetensors.index.json").write_text(
        '{"weight_map": {"x": "a.safetensors", "x": "b.safetensors"}}'
    )
    with pytest.raises(CheckpointError, match="given twice"):
        read(tmp_path)


def test_a_missing_shard_is_named(tmp_path):
    _sharded(tmp_path)
    (tmp_path / "b.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"the shard b\.safetensors is not beside it"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("weight_map", "message"),
    [
        ({"x": "a.safetensors", "y": "a.safetensors"}, "a.safetensors lacks 'y'"),
        ({"x": "b.safetensors", "y": "b.safetensors"}, "b.safetensors lacks 'x'"),
        ({"x": "a.safetensors", "y": "b.safetensors", "z": "b.safetensors"}, "b.safetensors lacks 'z'"),
        ({"y": "b.safetensors", "z": "a.safetensors"}, "a.safetensors holds 'x', which the index has nowhere"),
    ],
)
def test_every_tensor_lies_in_just_the_shard_that_is_listed(tmp_path, weight_map, message):
    _sharded(tmp_path, weight_map=weight_map)
    with pytest.raises(CheckpointError, match=message):
        read(tmp_path)


def test_a_tensor_in_two_shards_is_refused(tmp_path):
    _sharded(tmp_path)
    safetensors_file.write(tmp_path / "b.safetensors", {name: np.ones(1, np.float32) for name in "xy"})
    with pytest.raises(CheckpointError, match=r"b\.safetensors holds 'x', which the index has in a\.safetensors"):
        read(tmp_path)


def test_a_shard_that_is_a_link_out_of_the_folder_is_refused(tmp_path):
    (tmp_path / "deep").mkdir()
    _sharded(tmp_path)
    _sharded(tmp_path / "deep")
    (tmp_path / "deep" / "b.safetensors").unlink()
    (tmp_path / "deep" / "b.safetensors").symlink_to(tmp_path / "b.safetensors")
    with pytest.raises(CheckpointError, match="a link that leaves the folder"):
        read(tmp_path / "deep")
    (tmp_path / "deep" / "b.safetensors").unlink()
    (tmp_path / "deep" / "c.safetensors").write_bytes((tmp_path / "b.safetensors").read_bytes())
    (tmp_path / "deep" / "b.safetensors").symlink_to("c.safetensors")
    assert list(read(tmp_path / "deep")) == ["x", "y"]


def test_a_snapshot_of_the_hubs_cache_may_be_named_as_a_folder(tmp_path):
    _sharded(tmp_path)
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    folder = fake_hub.snapshot(tmp_path / "cache", "org/model", files)
    assert list(read(folder)) == ["x", "y"]


def test_shards_come_from_the_hub_one_by_one(tmp_path):
    _sharded(tmp_path)
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    fake_hub.snapshot(tmp_path / "cache", "org/model", files)
    weights = read_weights(Origin("org/model", cache_dir=tmp_path / "cache", local_files_only=True))
    assert list(weights.tensors) == ["x", "y"]


def test_roberta_base_as_it_was_published_has_every_parameter_of_the_masked_lm(tmp_path):
    fake_hub.roberta_base(tmp_path)
    weights = read_weights(Origin("roberta-base", cache_dir=tmp_path, local_files_only=True))
    assert weights.dtype == "float32"
    assert sum(array.nbytes for array in weights.tensors.values()) > 500e6
    shapes = fake_hub.parameters()
    expected = [*shapes, "lm_head.decoder.weight", "lm_head.decoder.bias"]
    ties = {"lm_head.decoder.weight": "roberta.embeddings.word_embeddings.weight"}
    matched = match(weights.tensors, expected, source=weights.source, ties=ties)
    assert matched.missing == matched.unexpected == []
    assert all(map(is_mapped, weights.tensors.values()))
    assert {name: matched.found[name].shape for name in shapes} == shapes
    body = match(
        weights.tensors, [name.removeprefix("roberta.") for name in shapes if "lm_head" not in name], source="x"
    )
    assert body.missing == []
    assert all(name.startswith("lm_head.") for name in body.unexpected)
    pooler = match(weights.tensors, ["roberta.pooler.dense.weight"], source="x")
    assert pooler.missing == ["roberta.pooler.dense.weight"]


def test_offline_a_repository_without_weights_in_the_cache_needs_the_network(tmp_path):
    fake_hub.snapshot(tmp_path, "org/model", {"config.json": b"{}"})
    with pytest.raises(NetworkError, match=r"none of model\.safetensors, .* among the files fetched before"):
        read_weights(Origin("org/model", cache_dir=tmp_path, local_files_only=True))


@needs_shared
def test_every_legacy_layout_holds_the_same_masked_lm():
    folders = sorted((SHARED / "oracle" / "legacy" / "checkpoints").iterdir())
    reference = read(SHARED / "oracle" / "legacy" / "checkpoints" / "bin_plain")
    expected = list(reference)
    ties = {"lm_head.decoder.weight": "roberta.embeddings.word_embeddings.weight"}
    for folder in folders:
        weights = read_weights(Origin(folder))
        matched = match(weights.tensors, expected, source=weights.source, ties=ties)
        if folder.name == "body_no_prefix":
            assert all(name.startswith("lm_head") for name in matched.missing)
            assert matched.unexpected == ["pooler.dense.bias", "pooler.dense.weight"]
        else:
            assert not matched.missing, folder.name
        if weights.dtype == "float32" and folder.name != "body_no_prefix":
            assert all(np.array_equal(matched.found[name], reference[name]) for name in expected), folder.name
