"""One function per head. Targets of -100 are ignored; where all are, the mean is NaN, as documented."""

import torch
import torch.nn.functional as F
from torch import Tensor

from roberta.config import RobertaConfig
from roberta.errors import InputError

IGNORED = -100


def masked_lm(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross entropy of (batch, length, vocabulary) against (batch, length)."""
    return _cross_entropy(logits.flatten(0, 1), labels)


def causal_lm(logits: Tensor, labels: Tensor) -> Tensor:
    """The same with each position asked for the token after it; labels are given unshifted.

    In float32 at least, as in the reference: half precision would round each of very many probabilities.
    """
    precise = logits.float() if logits.dtype in (torch.float16, torch.bfloat16) else logits
    return masked_lm(precise[:, :-1], labels[:, 1:])


def token_classification(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross entropy of (batch, length, labels) against (batch, length)."""
    return masked_lm(logits, labels)


def multiple_choice(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross entropy of (batch, choices) against (batch,)."""
    return _cross_entropy(logits, labels)


def sequence_classification(logits: Tensor, labels: Tensor, config: RobertaConfig) -> Tensor:
    """The loss that `config.problem_type` names; unset, the number of labels and the kind of target decide.

    logits: (batch, labels). Targets: regression (batch,) or (batch, 1) or (batch, labels) numbers; single label
    (batch,) int64; several labels (batch, labels) of 0.0 and 1.0, meaned over all cells.
    """
    labels = labels.to(logits.device)
    problem = config.problem_type or _problem_type(logits.shape[1], labels)
    if problem == "regression":
        if logits.shape[1] == 1:
            logits, labels = logits.flatten(), labels.flatten()
        if labels.shape != logits.shape:
            raise InputError(f"numbers of shape {tuple(labels.shape)} as labels; give shape {tuple(logits.shape)}")
        return F.mse_loss(logits, labels.to(logits.dtype))
    if problem == "single_label_classification":
        return _cross_entropy(logits, labels)
    if labels.shape != logits.shape:
        raise InputError(
            f"labels of shape {tuple(labels.shape)} for several labels per text; give one number for each of the"
            f" {logits.shape[1]} labels: shape {tuple(logits.shape)}"
        )
    return F.binary_cross_entropy_with_logits(logits, labels.to(logits.dtype))


def _problem_type(count: int, labels: Tensor) -> str:
    if count == 1:
        return "regression"
    return "multi_label_classification" if labels.is_floating_point() else "single_label_classification"


def question_answering(start_logits: Tensor, end_logits: Tensor, starts: Tensor, ends: Tensor) -> Tensor:
    """Mean of two cross entropies, for the start and the end: (batch, length) against (batch,).

    Positions past the end of the window are ignored (the answer is not in it), negative ones count as 0.
    """
    length = start_logits.shape[1]

    def one(logits: Tensor, positions: Tensor) -> Tensor:
        return _cross_entropy(logits, positions.clamp(0, length), ignored=length)

    return torch.stack([one(start_logits, starts), one(end_logits, ends)]).mean()


def _cross_entropy(logits: Tensor, classes: Tensor, ignored: int = IGNORED) -> Tensor:
    """(rows, classes) against class numbers of any shape with as many entries; any integer type will do."""
    classes = classes.flatten().to(logits.device)
    if classes.is_floating_point():
        raise InputError("labels are fractions where class numbers are needed; give whole numbers (torch.long)")
    if classes.numel() != len(logits):
        raise InputError(f"{classes.numel()} labels for {len(logits)} predictions; give one label for each")
    if not classes.is_cuda:  # on a GPU asking would wait for the device, which checks for itself
        wrong = classes[((classes < 0) | (classes >= logits.shape[1])) & (classes != ignored)]
        if wrong.numel():
            raise InputError(f"label {int(wrong[0])} is none of the {logits.shape[1]} classes 0..{logits.shape[1] - 1}")
    return F.cross_entropy(logits, classes.long(), ignore_index=ignored)
