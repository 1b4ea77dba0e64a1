"""Slow, obvious twins of the model: float64, one number at a time where attention is concerned, no torch.

`weights` is a state_dict as NumPy arrays under the published names. Nothing here shares code with the package.
"""

import math

import numpy as np

HIDDEN = np.finfo(np.float32).min  # added to the score of what may not be seen


def gelu(x: np.ndarray) -> np.ndarray:
    return np.array([0.5 * v * (1 + math.erf(v / math.sqrt(2))) for v in x.ravel()]).reshape(x.shape)


def as_arrays(model) -> dict[str, np.ndarray]:
    return {name: tensor.detach().cpu().double().numpy() for name, tensor in model.state_dict().items()}


def below(weights: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): array for name, array in weights.items() if name.startswith(prefix)}


def linear(x: np.ndarray, weights: dict[str, np.ndarray], name: str) -> np.ndarray:
    return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def layer_norm(x: np.ndarray, weights: dict[str, np.ndarray], name: str, eps: float) -> np.ndarray:
    centred = x - x.mean(-1, keepdims=True)
    spread = np.sqrt((centred**2).mean(-1, keepdims=True) + eps)
    return centred / spread * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def positions(ids: list[int], padding: int) -> list[int]:
    found, count = [], 0
    for id in ids:
        count += id != padding
        found.append(padding + count if id != padding else padding)
    return found


def attention(hidden, seen, weights, config, visible, factor, *, relative: str):
    """One row of a batch. hidden (queries, width), seen (keys, width), visible (queries, keys), factor (heads,).

    Returns the mixture (queries, width) and the probabilities (heads, queries, keys).
    """
    size = config.hidden_size // config.num_attention_heads
    query, key, value = linear(hidden, weights, "query"), linear(seen, weights, "key"), linear(seen, weights, "value")
    heads, queries, keys = query.shape[1] // size, len(hidden), len(seen)
    probabilities, mixed = np.zeros((heads, queries, keys)), np.zeros((queries, heads * size))
    for head in range(heads):
        own = slice(head * size, (head + 1) * size)
        for i in range(queries):
            scores = np.zeros(keys)
            for j in range(keys):
                scores[j] = query[i, own] @ key[j, own]
                if relative != "absolute":
                    distance = weights["distance_embedding.weight"][i - j + config.max_position_embeddings - 1]
                    scores[j] += query[i, own] @ distance
                    if relative == "relative_key_query":
                        scores[j] += key[j, own] @ distance
                scores[j] = scores[j] / math.sqrt(size) + (1 - visible[i, j]) * HIDDEN
            raised = np.exp(scores - scores.max())
            probabilities[head, i] = raised / raised.sum() * factor[head]
            mixed[i, own] = probabilities[head, i] @ value[:, own]
    return mixed, probabilities


def encode(
    weights,
    config,
    ids=None,
    *,
    embeds=None,
    mask=None,
    types=None,
    position_ids=None,
    head_mask=None,
    source=None,
    source_mask=None,
):
    """The encoder or decoder over one row: ids (length,) or embeds (length, width); mask (keys,) or (queries, keys).

    head_mask: (layers, heads). Returns hidden states (layers + 1 arrays), attentions and cross-attentions (layers).
    """
    words = weights["embeddings.word_embeddings.weight"][ids] if embeds is None else embeds
    length, padding = len(words), config.pad_token_id
    if position_ids is None:
        position_ids = positions(ids, padding) if embeds is None else range(padding + 1, padding + 1 + length)
    hidden = words + weights["embeddings.token_type_embeddings.weight"][types if types is not None else [0] * length]
    if config.position_embedding_type == "absolute":
        hidden = hidden + weights["embeddings.position_embeddings.weight"][list(position_ids)]
    hidden = layer_norm(hidden, weights, "embeddings.LayerNorm", config.layer_norm_eps)

    visible = np.ones((length, length)) if mask is None else np.broadcast_to(mask, (length, length)).astype(float)
    if config.is_decoder and (mask is None or np.ndim(mask) == 1):
        visible = visible * np.tril(np.ones((length, length)))
    states, attentions, crosses = [hidden], [], []
    for number in range(config.num_hidden_layers):
        layer = below(weights, f"encoder.layer.{number}.")
        factor = np.ones(config.num_attention_heads) if head_mask is None else head_mask[number]
        mixed, probabilities = attention(
            hidden,
            hidden,
            below(layer, "attention.self."),
            config,
            visible,
            factor,
            relative=config.position_embedding_type,
        )
        attentions.append(probabilities)
        hidden = add_norm(mixed, hidden, layer, "attention.output", config)
        if source is not None:
            keys = np.ones(len(source)) if source_mask is None else source_mask
            allowed = np.broadcast_to(keys, (length, len(source)))
            own = below(layer, "crossattention.self.")
            mixed, probabilities = attention(hidden, source, own, config, allowed, factor, relative="absolute")
            crosses.append(probabilities)
            hidden = add_norm(mixed, hidden, layer, "crossattention.output", config)
        hidden = add_norm(gelu(linear(hidden, layer, "intermediate.dense")), hidden, layer, "output", config)
        states.append(hidden)
    return states, attentions, crosses


def add_norm(inner, hidden, weights, name, config):
    return layer_norm(
        linear(inner, weights, f"{name}.dense") + hidden, weights, f"{name}.LayerNorm", config.layer_norm_eps
    )


def pooled(hidden, weights):
    return np.tanh(linear(hidden[0], weights, "pooler.dense"))


def words(hidden, weights, config):
    inner = gelu(linear(hidden, weights, "lm_head.dense"))
    return linear(layer_norm(inner, weights, "lm_head.layer_norm", config.layer_norm_eps), weights, "lm_head.decoder")


def text_labels(hidden, weights):
    return linear(np.tanh(linear(hidden[0], weights, "classifier.dense")), weights, "classifier.out_proj")


def cross_entropy(rows: np.ndarray, classes, ignored: int = -100) -> float:
    """Mean of -log softmax(row)[class] over the rows whose class is not the ignored one; NaN over none."""
    terms = []
    for row, number in zip(rows, classes):
        if number != ignored:
            terms.append(np.log(np.exp(row - row.max()).sum()) + row.max() - row[number])
    return float(np.mean(terms)) if terms else math.nan


def squad_words(text: str) -> list[str]:
    """What the SQuAD rules leave of an answer: lower case, ASCII punctuation out, articles out, split at blanks."""
    kept = "".join(letter for letter in text.lower() if letter not in "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
    words, word = [], ""
    for letter in [*kept, " "]:
        if letter.isspace():
            words.append(word)
            word = ""
        else:
            word += letter
    # An article ends where letters, digits and underscores end, which is not always at a blank.
    pieces = []
    for word in words:
        runs, run = [], ""
        for letter in word:
            inside = letter.isalnum() or letter == "_"
            if run and inside != (run[-1].isalnum() or run[-1] == "_"):
                runs.append(run)
                run = ""
            run += letter
        runs.append(run)
        pieces += "".join(" " if run in ("a", "an", "the") else run for run in runs).split(" ")
    return [piece for piece in pieces if piece]


def squad_exact(answer: str, gold: str) -> int:
    return int(squad_words(answer) == squad_words(gold))


def squad_f1(answer: str, gold: str, version: int = 2) -> float:
    words, left = squad_words(answer), squad_words(gold)
    if version == 2 and (not words or not left):
        return float(words == left)
    same, sizes = 0, (len(words), len(left))
    for word in words:
        if word in left:
            left.remove(word)
            same += 1
    return 2 * same / sum(sizes) if same else 0.0


def squad_scores_1(golds: dict[str, list[str]], answers: dict[str, str]) -> dict[str, float]:
    """Version 1.1, which knows no question without an answer."""
    exact = [max(squad_exact(answers[id], gold) for gold in golds[id]) for id in golds]
    overlap = [max(squad_f1(answers[id], gold, 1) for gold in golds[id]) for id in golds]
    return {"exact_match": 100 * sum(exact) / len(golds), "f1": 100 * sum(overlap) / len(golds), "total": len(golds)}


def squad_scores_2(golds: dict[str, list[str]], answers: dict[str, str]) -> dict[str, float]:
    """Version 2.0 without its thresholds. golds: an empty list where there is no answer."""
    rows = {"": {}, "HasAns_": {}, "NoAns_": {}}
    for id, texts in golds.items():
        known = [text for text in texts if squad_words(text)] or [""]
        row = tuple(max(measure(answers[id], text) for text in known) for measure in (squad_exact, squad_f1))
        rows[""][id] = rows["HasAns_" if texts else "NoAns_"][id] = row
    scores = {}
    for name, found in rows.items():
        if found:
            scores[f"{name}exact"], scores[f"{name}f1"] = (100 * sum(c) / len(found) for c in zip(*found.values()))
            scores[f"{name}total"] = len(found)
    return scores
