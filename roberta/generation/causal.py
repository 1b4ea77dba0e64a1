"""RobertaForCausalLM: the next word at every position, and whole continuations."""

from __future__ import annotations

from torch import Tensor

from roberta.config import RobertaConfig
from roberta.generation.settings import GENERATION_FILE, GenerationSettings
from roberta.hub import Origin
from roberta.model import losses
from roberta.model.cache import KeyValueCache
from roberta.model.heads import LanguageModelHead
from roberta.model.models import RobertaModel
from roberta.model.outputs import CausalLMOutput
from roberta.model.pretrained import PretrainedModel


class RobertaForCausalLM(PretrainedModel):
    """A score for every word as the next one, at every position. Build it with `is_decoder=True` in the config.

    Without that every token sees the whole text, as in the reference, and nothing is cached.
    """

    head = "causal_lm"

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
        past_key_values: KeyValueCache | tuple | None = None,
        use_cache: bool | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
    ) -> CausalLMOutput | tuple:
        """labels: (batch, length) word ids, unshifted; -100 where a position does not count. With labels, no cache."""
        body = self.roberta(
            input_ids,
            attention_mask,
            token_type_ids,
            position_ids,
            head_mask,
            inputs_embeds,
            encoder_hidden_states,
            encoder_attention_mask,
            past_key_values,
            use_cache if labels is None else False,
            output_attentions,
            output_hidden_states,
            return_dict=True,
        )
        logits = self.lm_head(body.last_hidden_state)
        loss = None if labels is None else losses.causal_lm(logits, labels)
        output = CausalLMOutput(
            loss, logits, body.past_key_values, body.hidden_states, body.attentions, body.cross_attentions
        )
        return output.as_asked(return_dict, self.config)

    def read_beside(self, origin: Origin) -> None:
        """Settings in a generation_config.json become the model's `generation_config`."""
        if origin.file(GENERATION_FILE) is not None:
            self.generation_config = GenerationSettings.from_pretrained(origin)

    def generate(self, input_ids: Tensor | None = None, generation_config: GenerationSettings | None = None, **options):
        """Continue each row of (batch, length) ids; see `roberta.generation.generate` for the options."""
        from roberta.generation import generate  # late: it stands on this class's neighbours

        return generate(self, input_ids, generation_config, **options)
