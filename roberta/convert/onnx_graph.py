"""The architecture as an ONNX graph: encoder, head, and the positions from the ids, with any batch and any length.

Built node by node and not by tracing a run of the torch model: the same checkpoint gives the same bytes, whatever the
versions of the tracer, and no length or batch of an example can stay behind in it. A test holds it to the torch model.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from onnx import TensorProto, helper

from roberta.config import RobertaConfig
from roberta.convert.onnx_activations import ACTIVATIONS, gelu
from roberta.convert.onnx_nodes import Nodes
from roberta.convert.plan import Plan
from roberta.errors import CheckpointError
from roberta.model.parameters import BODY
from roberta.weights.names import DECODER, WORD_TABLE

OPSET = 17  # the first with LayerNormalization
IR_VERSION = 8  # of the same release, so that no runtime which knows the operators refuses the file
IDS, MASK = "input_ids", "attention_mask"
_LOWEST = float(np.finfo(np.float32).min)


class Graph(Nodes):
    """The graph of one class. inputs: (batch, sequence) int64, for multiple choice (batch, choices, sequence)."""

    def __init__(self, plan: Plan, tensors: Mapping[str, np.ndarray]):
        super().__init__(tensors)
        self.config, self.head = plan.config, plan.head
        self.body = BODY if plan.head else ""
        self.input_axes = ["batch", "choices", "sequence"] if plan.head == "multiple_choice" else ["batch", "sequence"]
        self.outputs: dict[str, list[str | int]] = {}
        _check(self.config)
        ids, mask = (self._rows(name) for name in (IDS, MASK))
        hidden = self._encode(ids, mask)
        getattr(self, f"_{plan.head or 'encoder'}")(hidden, plan)

    def serialize(self) -> tuple[bytes, bytes]:
        """The model without its graph, and the graph without its weights."""
        inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, self.input_axes) for name in (IDS, MASK)]
        outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, axes) for name, axes in self.outputs.items()]
        graph = helper.make_graph(self.nodes, "roberta", inputs, outputs)
        model = helper.make_model_gen_version(
            helper.make_graph([], "roberta", [], []),
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="roberta",
        )
        model.ClearField("graph")
        return model.SerializeToString(deterministic=True), graph.SerializeToString(deterministic=True)

    def _rows(self, name: str) -> str:
        """Choices are rows like any others for the encoder."""
        if self.head != "multiple_choice":
            return name
        length = self.add("Gather", self.add("Shape", name), self.constant([2]))
        return self.add("Reshape", name, self.add("Concat", self.constant([-1]), length, axis=0))

    def _encode(self, ids: str, mask: str) -> str:
        length = self.add("Gather", self.add("Shape", ids), self.constant(1))
        place = self.add("Range", self.constant(0), length, self.constant(1))
        distance = self.add(  # (queries, keys): how far behind the query a key is
            "Sub", self.add("Unsqueeze", place, self.constant([1])), self.add("Unsqueeze", place, self.constant([0]))
        )
        hidden = self._embed(ids)
        bias = self._bias(mask, distance)
        for number in range(self.config.num_hidden_layers):
            hidden = self._layer(f"{self.body}encoder.layer.{number}", hidden, bias, distance)
        return hidden

    def _embed(self, ids: str) -> str:
        table, padding = f"{self.body}embeddings.", self.constant(self.config.pad_token_id)
        words = self.add("Gather", self.weight(f"{table}word_embeddings.weight"), ids)
        kind = self.add("Gather", self.weight(f"{table}token_type_embeddings.weight"), self.constant(0))
        hidden = self.add("Add", words, kind)
        places = self.weight(f"{table}position_embeddings.weight")  # which relative positions only carry along
        if self.config.position_embedding_type == "absolute":
            real = self.add("Cast", self.add("Not", self.add("Equal", ids, padding)), to=TensorProto.INT64)
            count = self.add("Mul", self.add("CumSum", real, self.constant(1)), real)
            hidden = self.add("Add", hidden, self.add("Gather", places, self.add("Add", count, padding)))
        return self.norm(hidden, f"{table}LayerNorm", self.config.layer_norm_eps)

    def _bias(self, mask: str, distance: str) -> str:
        """What is added to the scores: 0, or the lowest number where a query may not look."""
        visible = self.add("Unsqueeze", self.add("Cast", mask, to=TensorProto.FLOAT), self.constant([1, 2]))
        if self.config.is_decoder:
            earlier = self.add("GreaterOrEqual", distance, self.constant(0))
            visible = self.add("Mul", self.add("Cast", earlier, to=TensorProto.FLOAT), visible)
        return self.add("Mul", self.add("Sub", self.constant(1.0), visible), self.constant(_LOWEST))

    def _layer(self, name: str, hidden: str, bias: str, distance: str) -> str:
        epsilon = self.config.layer_norm_eps
        mixed = self.linear(
            self._attend(f"{name}.attention.self", hidden, bias, distance), f"{name}.attention.output.dense"
        )
        hidden = self.norm(self.add("Add", mixed, hidden), f"{name}.attention.output.LayerNorm", epsilon)
        wide = ACTIVATIONS[self.config.hidden_act](self, self.linear(hidden, f"{name}.intermediate.dense"))
        fed = self.linear(wide, f"{name}.output.dense")
        return self.norm(self.add("Add", fed, hidden), f"{name}.output.LayerNorm", epsilon)

    def _attend(self, name: str, hidden: str, bias: str, distance: str) -> str:
        inner, size = self.tensors[f"{name}.query.weight"].shape[0], self.config.head_size

        def split(part: str, order: list[int]) -> str:
            shape = self.constant([0, 0, inner // size, size])  # a layer may have lost heads
            return self.add("Transpose", self.add("Reshape", self.linear(hidden, f"{name}.{part}"), shape), perm=order)

        query, value = split("query", [0, 2, 1, 3]), split("value", [0, 2, 1, 3])
        if self.config.position_embedding_type == "absolute":
            scores = self.add("MatMul", query, split("key", [0, 2, 3, 1]))
        else:
            key = split("key", [0, 2, 1, 3])
            scores = self._distance_scores(name, query, key, distance)
        scores = self.add("Add", self.add("Div", scores, self.constant(math.sqrt(size))), bias)
        mixed = self.add("MatMul", self.add("Softmax", scores, axis=-1), value)
        return self.add("Reshape", self.add("Transpose", mixed, perm=[0, 2, 1, 3]), self.constant([0, 0, inner]))

    def _distance_scores(self, name: str, query: str, key: str, distance: str) -> str:
        place = self.add("Add", distance, self.constant(self.config.max_position_embeddings - 1))
        table = self.add("Gather", self.weight(f"{name}.distance_embedding.weight"), place)
        scores = self.add("MatMul", query, self.add("Transpose", key, perm=[0, 1, 3, 2]))
        scores = self.add("Add", scores, self.add("Einsum", query, table, equation="bhqd,qkd->bhqk"))
        if self.config.position_embedding_type == "relative_key_query":
            scores = self.add("Add", scores, self.add("Einsum", key, table, equation="bhkd,qkd->bhqk"))
        return scores

    def _first(self, hidden: str) -> str:
        return self.add("Gather", hidden, self.constant(0), axis=1)

    def _pooled(self, hidden: str, name: str = "") -> str:
        return self.add("Tanh", self.linear(self._first(hidden), f"{self.body}pooler.dense"), name=name)

    def _encoder(self, hidden: str, plan: Plan) -> None:
        self.add("Identity", hidden, name="last_hidden_state")
        self.outputs["last_hidden_state"] = ["batch", "sequence", self.config.hidden_size]
        if plan.has_pooler:
            self._pooled(hidden, name="pooler_output")
            self.outputs["pooler_output"] = ["batch", self.config.hidden_size]

    def _masked_lm(self, hidden: str, plan: Plan) -> None:
        """The word table is read as it is, (vocabulary, width): turned round it would be there twice."""
        width, words = self.config.hidden_size, self.config.vocab_size
        hidden = gelu(self, self.linear(hidden, "lm_head.dense"))
        hidden = self.norm(hidden, "lm_head.layer_norm", self.config.layer_norm_eps)
        tied = self.config.tie_word_embeddings
        table = self.weight(WORD_TABLE if tied else DECODER)
        flat = self.add("Reshape", hidden, self.constant([-1, width]))
        scores = self.add("Gemm", flat, table, self.weight("lm_head.bias"), transB=1)
        rows = self.add("Gather", self.add("Shape", hidden), self.constant([0, 1]))
        shape = self.add("Concat", rows, self.constant([words]), axis=0)
        self.add("Reshape", scores, shape, name="logits")
        self.outputs["logits"] = ["batch", "sequence", words]

    _causal_lm = _masked_lm

    def _sequence_classification(self, hidden: str, plan: Plan) -> None:
        first = self.add("Tanh", self.linear(self._first(hidden), "classifier.dense"))
        self.linear(first, "classifier.out_proj", output="logits")
        self.outputs["logits"] = ["batch", self.config.num_labels]

    def _multiple_choice(self, hidden: str, plan: Plan) -> None:
        scores = self.linear(self._pooled(hidden), "classifier")
        self.add("Reshape", scores, self.add("Gather", self.add("Shape", IDS), self.constant([0, 1])), name="logits")
        self.outputs["logits"] = ["batch", "choices"]

    def _token_classification(self, hidden: str, plan: Plan) -> None:
        self.linear(hidden, "classifier", output="logits")
        self.outputs["logits"] = ["batch", "sequence", self.config.num_labels]

    def _question_answering(self, hidden: str, plan: Plan) -> None:
        scores = self.linear(hidden, "qa_outputs")
        for place, name in enumerate(("start_logits", "end_logits")):
            self.add("Gather", scores, self.constant(place), axis=2, name=name)
            self.outputs[name] = ["batch", "sequence"]


def _check(config: RobertaConfig) -> None:
    if config.add_cross_attention:
        raise CheckpointError("a decoder with cross-attention reads a second text, which the ONNX graph does not take")
    if config.hidden_act not in ACTIVATIONS:
        raise CheckpointError(f"the activation {config.hidden_act!r} is not known here; name it in config.json")
