"""RobertaModel and the classes with a head: encoder, head, loss, a few lines each.

All take the arguments of the reference documentation. Shared by them:
    input_ids (batch, length) int64, or inputs_embeds (batch, length, width) in its place; attention_mask of ones and
    zeros, (batch, length); token_type_ids and position_ids (batch, length); head_mask (heads,) or (layers, heads);
    output_attentions, output_hidden_states, return_dict: this call's answer where it is not the config's.
RobertaForCausalLM, which also generates, stands in `roberta.generation.causal`.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from roberta.config import RobertaConfig
from roberta.errors import InputError
from roberta.model import losses
from roberta.model.attention import View
from roberta.model.cache import KeyValueCache
from roberta.model.embeddings import Embeddings
from roberta.model.encoder import Encoder
from roberta.model.heads import ClassificationHead, LanguageModelHead, Pooler, head_dropout
from roberta.model.masks import attention_bias
from roberta.model.outputs import (
    EncoderOutput,
    MaskedLMOutput,
    MultipleChoiceOutput,
    QuestionAnsweringOutput,
    SequenceClassifierOutput,
    TokenClassifierOutput,
    asked,
)
from roberta.model.parameters import position_ids as count_positions
from roberta.model.pretrained import PretrainedModel


class RobertaModel(PretrainedModel):
    """The encoder: hidden states, and with `add_pooling_layer` one vector from the first token.

    With `config.is_decoder` each token sees only earlier ones, and keys and values can be cached; with
    `config.add_cross_attention` as well, every layer also looks at `encoder_hidden_states`.
    """

    def __init__(self, config: RobertaConfig, add_pooling_layer: bool = True):
        super().__init__(config)
        if config.add_cross_attention and not config.is_decoder:
            raise InputError("add_cross_attention needs is_decoder=True: only a decoder looks at an encoder's states")
        self.embeddings = Embeddings(config)
        self.encoder = Encoder(config)
        self.pooler = Pooler(config) if add_pooling_layer else None
        self.post_init()

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        head_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        encoder_hidden_states: Tensor | None = None,
        encoder_attention_mask: Tensor | None = None,
        past_key_values: KeyValueCache | tuple | None = None,
        use_cache: bool | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        cache_position: Tensor | None = None,
    ) -> EncoderOutput | tuple:
        """encoder_hidden_states: (batch, source length, width), with encoder_attention_mask (batch, source length).

        past_key_values: the cache of earlier columns; attention_mask then covers those too. use_cache: return one.
        cache_position: documented, and without effect here: a cache knows its own length.
        """
        config = self.config
        words = self._words(input_ids, inputs_embeds)
        batch, length, _ = words.shape
        past = KeyValueCache.of(past_key_values, attention_mask) if config.is_decoder else None
        caching = config.is_decoder and asked(use_cache, config.use_cache) and not self.is_recomputing
        attending = asked(output_attentions, config.output_attentions)
        states: list[Tensor] | None = [] if asked(output_hidden_states, config.output_hidden_states) else None

        before = 0 if past is None else past.real_tokens
        if position_ids is None and self.embeddings.absolute:
            counted = input_ids if input_ids is not None else _no_padding(words, config)
            position_ids = count_positions(counted, config, before)
        own = View(
            bias=attention_bias(
                attention_mask,
                causal=config.is_decoder,
                batch=batch,
                queries=length,
                keys=length + (0 if past is None else past.length),
                like=words,
            ),
            past=None if past is None else past.own,
            head_mask=_per_layer(head_mask, config, words),
            kept_keys=[] if caching else None,
            kept_probabilities=[] if attending else None,
        )
        cross = self._view_of_source(own, encoder_hidden_states, encoder_attention_mask, past, length)

        hidden = self.embeddings(words, token_type_ids, position_ids)
        hidden = self.encoder(hidden, own, cross, states)
        pooled = None if self.pooler is None else self.pooler(hidden)

        cache = None
        if caching:
            real = _no_padding(words, config) if input_ids is None else input_ids
            counts = (real != config.pad_token_id).sum(1, keepdim=True) + before
            cache = KeyValueCache(own.kept_keys, None if cross is None else cross.kept_keys, counts)
        output = EncoderOutput(
            last_hidden_state=hidden,
            pooler_output=pooled,
            hidden_states=None if states is None else (*states, hidden),
            past_key_values=cache,
            attentions=tuple(own.kept_probabilities) if attending else None,
            cross_attentions=tuple(cross.kept_probabilities) if attending and cross is not None else None,
        )
        return output.as_asked(return_dict, config)

    def read(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        *,
        rows: Tensor,
    ) -> Tensor:
        """The last hidden states of some tokens alone, (rows, width), as `forward` would have them.

        rows: their numbers, counted through the whole batch; 0 and `length` are the first tokens of two texts. The last
        layer computes them only, which in training saves most of it.

        >>> model = RobertaModel(RobertaConfig(num_hidden_layers=1)).eval()
        >>> model.read(torch.tensor([[0, 7, 2], [0, 9, 2]]), rows=torch.tensor([0, 3])).shape
        torch.Size([2, 768])
        """
        config = self.config
        words = self._words(input_ids, None)
        batch, length, _ = words.shape
        if position_ids is None and self.embeddings.absolute:
            position_ids = count_positions(input_ids, config)
        bias = attention_bias(
            attention_mask, causal=config.is_decoder, batch=batch, queries=length, keys=length, like=words
        )
        hidden = self.embeddings(words, None, position_ids)
        return self.encoder(hidden, View(bias=bias), rows=rows)

    def _words(self, input_ids: Tensor | None, inputs_embeds: Tensor | None) -> Tensor:
        if (input_ids is None) == (inputs_embeds is None):
            raise InputError("give either input_ids or inputs_embeds, one of the two")
        given = input_ids if inputs_embeds is None else inputs_embeds
        if given.dim() != (2 if inputs_embeds is None else 3):
            raise InputError(
                f"input of shape {tuple(given.shape)}; give input_ids as (batch, length)"
                " or inputs_embeds as (batch, length, width)"
            )
        if not given.shape[1]:
            raise InputError("input without any token; give at least one column", code="empty_text")
        return self.embeddings.look_up(input_ids) if inputs_embeds is None else inputs_embeds

    def _view_of_source(
        self, own: View, states: Tensor | None, mask: Tensor | None, past: KeyValueCache | None, queries: int
    ) -> View | None:
        if states is None or not self.config.is_decoder:
            return None
        if not self.config.add_cross_attention:
            raise InputError("encoder_hidden_states need a model built with add_cross_attention=True in its config")
        bias = attention_bias(
            mask, causal=False, batch=states.shape[0], queries=queries, keys=states.shape[1], like=states
        )
        return replace(
            own,
            bias=bias,
            source=states,
            past=None if past is None else past.cross,
            kept_keys=None if own.kept_keys is None else [],
            kept_probabilities=None if own.kept_probabilities is None else [],
        )


class RobertaForMaskedLM(PretrainedModel):
    """A score for every word at every position.

    >>> RobertaForMaskedLM(RobertaConfig(num_hidden_layers=1)).eval()(torch.tensor([[0, 50264, 2]])).logits.shape
    torch.Size([1, 3, 50265])
    """

    head = "masked_lm"

    def __init__(self, config: RobertaConfig):
        super().__init__(config)
        self.roberta = RobertaModel(config, add_pooling_layer=False)
        self.lm_head = LanguageModelHead(config)
        self.post_init()

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        head_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        encoder_hidden_states: Tensor | None = None,
        encoder_attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
    ) -> MaskedLMOutput | tuple:
        """labels: (batch, length) word ids; -100 where a position does not count."""
        body = self.roberta(
            input_ids,
            attention_mask,
            token_type_ids,
            position_ids,
            head_mask,
            inputs_embeds,
            encoder_hidden_states,
            encoder_attention_mask,
            output_attentions=output_attentions,
            output_hidden_states=output_hidden_states,
            return_dict=True,
        )
        logits = self.lm_head(body.last_hidden_state)
        loss = None if labels is None else losses.masked_lm(logits, labels)
        return MaskedLMOutput(loss, logits, body.hidden_states, body.attentions).as_asked(return_dict, self.config)


class RobertaForSequenceClassification(PretrainedModel):
    """A score for every label of a text."""

    head = "sequence_classification"

    def __init__(self, config: RobertaConfig):
        super().__init__(config)
        self.num_labels = config.num_labels
        self.roberta = RobertaModel(config, add_pooling_layer=False)
        self.classifier = ClassificationHead(config)
        self.post_init()

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        head_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
    ) -> SequenceClassifierOutput | tuple:
        """labels: (batch,) or (batch, labels), as `losses.sequence_classification` says."""
        body = self.roberta(
            input_ids,
            attention_mask,
            token_type_ids,
            position_ids,
            head_mask,
            inputs_embeds,
            output_attentions=output_attentions,
            output_hidden_states=output_hidden_states,
            return_dict=True,
        )
        logits = self.classifier(body.last_hidden_state)
        loss = None if labels is None else losses.sequence_classification(logits, labels, self.config)
        output = SequenceClassifierOutput(loss, logits, body.hidden_states, body.attentions)
        return output.as_asked(return_dict, self.config)


class RobertaForMultipleChoice(PretrainedModel):
    """One score for each choice; a text and one of its choices are encoded together, as a pair."""

    head = "multiple_choice"

    def __init__(self, config: RobertaConfig):
        super().__init__(config)
        self.roberta = RobertaModel(config)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)
        self.classifier = nn.Linear(config.hidden_size, 1)
        self.post_init()

    def forward(
        self,
        input_ids: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        position_ids: Tensor | None = None,
        head_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
    ) -> MultipleChoiceOutput | tuple:
        """All inputs carry one more axis: input_ids (batch, choices, length). labels: (batch,), the right choice.

        The order of the arguments is the documented one, which is not that of the other classes.
        """
        given = input_ids if inputs_embeds is None else inputs_embeds
        if given is None or given.dim() < 3:
            raise InputError("multiple choice takes input_ids as (batch, choices, length)")

        def rows(x: Tensor | None) -> Tensor | None:  # (batch, choices, ...) -> (batch x choices, ...)
            return None if x is None else x.flatten(0, 1)

        body = self.roberta(
            rows(input_ids),
            rows(attention_mask),
            rows(token_type_ids),
            rows(position_ids),
            head_mask,
            rows(inputs_embeds),
            output_attentions=output_attentions,
            output_hidden_states=output_hidden_states,
            return_dict=True,
        )
        logits = self.classifier(self.dropout(body.pooler_output)).view(given.shape[:2])
        loss = None if labels is None else losses.multiple_choice(logits, labels)
        output = MultipleChoiceOutput(loss, logits, body.hidden_states, body.attentions)
        return output.as_asked(return_dict, self.config)


class RobertaForTokenClassification(PretrainedModel):
    """A score for every label at every position."""

    head = "token_classification"

    def __init__(self, config: RobertaConfig):
        super().__init__(config)
        self.num_labels = config.num_labels
        self.roberta = RobertaModel(config, add_pooling_layer=False)
        self.dropout = head_dropout(config)
        self.classifier = nn.Linear(config.hidden_size, config.num_labels)
        self.post_init()

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        head_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
    ) -> TokenClassifierOutput | tuple:
        """labels: (batch, length) label numbers; -100 where a position does not count."""
        body = self.roberta(
            input_ids,
            attention_mask,
            token_type_ids,
            position_ids,
            head_mask,
            inputs_embeds,
            output_attentions=output_attentions,
            output_hidden_states=output_hidden_states,
            return_dict=True,
        )
        logits = self.classifier(self.dropout(body.last_hidden_state))
        loss = None if labels is None else losses.token_classification(logits, labels)
        output = TokenClassifierOutput(loss, logits, body.hidden_states, body.attentions)
        return output.as_asked(return_dict, self.config)


class RobertaForQuestionAnswering(PretrainedModel):
    """Where an answer starts and ends: two scores at every position."""

    head = "question_answering"

    def __init__(self, config: RobertaConfig):
        super().__init__(config)
        if config.num_labels != 2:
            raise InputError(
                f"question answering needs num_labels 2, for start and end; the config has {config.num_labels}"
            )
        self.num_labels = config.num_labels
        self.roberta = RobertaModel(config, add_pooling_layer=False)
        self.qa_outputs = nn.Linear(config.hidden_size, config.num_labels)
        self.post_init()

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        head_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        start_positions: Tensor | None = None,
        end_positions: Tensor | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
    ) -> QuestionAnsweringOutput | tuple:
        """start_positions, end_positions: (batch,) token numbers; with only one of the two there is no loss."""
        body = self.roberta(
            input_ids,
            attention_mask,
            token_type_ids,
            position_ids,
            head_mask,
            inputs_embeds,
            output_attentions=output_attentions,
            output_hidden_states=output_hidden_states,
            return_dict=True,
        )
        starts, ends = (part.contiguous() for part in self.qa_outputs(body.last_hidden_state).unbind(2))
        loss = None
        if start_positions is not None and end_positions is not None:
            loss = losses.question_answering(starts, ends, start_positions, end_positions)
        output = QuestionAnsweringOutput(loss, starts, ends, body.hidden_states, body.attentions)
        return output.as_asked(return_dict, self.config)


def _no_padding(words: Tensor, config: RobertaConfig) -> Tensor:
    """Stand-in ids for embeddings, which carry no pad id: every column counts."""
    return torch.full(words.shape[:2], config.pad_token_id + 1, device=words.device)


def _per_layer(head_mask: Tensor | None, config: RobertaConfig, like: Tensor) -> Tensor | None:
    """(heads,) or (layers, heads) -> (layers, 1, heads, 1, 1); five axes are taken as they are."""
    if head_mask is None:
        return None
    head_mask = head_mask.to(like.device, like.dtype)
    if head_mask.dim() == 5:
        return head_mask
    layers, heads = config.num_hidden_layers, config.num_attention_heads
    if head_mask.shape not in {(heads,), (layers, heads)}:
        raise InputError(
            f"head_mask of shape {tuple(head_mask.shape)}; give ({heads},) or ({layers}, {heads}): layers, heads"
        )
    return head_mask.expand(layers, heads)[:, None, :, None, None]
