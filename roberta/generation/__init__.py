"""Continuing texts with a causal model: `generate`, its settings and what it gives."""

from roberta.generation.loop import generate
from roberta.generation.output import GenerateOutput
from roberta.generation.settings import GenerationConfig, GenerationSettings

__all__ = ["GenerateOutput", "GenerationConfig", "GenerationSettings", "generate"]
