import pickle
from itertools import product

from roberta.tokenizer.added_tokens import AddedTokens
from roberta.tokenizer.byte_alphabet import CHARACTERS, spell
from roberta.tokenizer.encoder import Encoder
from roberta.tokenizer.vocabulary import Vocabulary

# Merges of white space, so that it shows in the ids where a run of it is cut.
JOINED = [spell("\t") + " " + spell(" "), spell(" ") + " " + spell("\t"), spell(" ") + " " + spell(" ")]


def encoder() -> Encoder:
    tokens = [*CHARACTERS, *(line.replace(" ", "") for line in JOINED)]
    return Encoder(Vocabulary({token: id for id, token in enumerate(tokens)}, JOINED), AddedTokens({}))


def test_chunks_and_words_agree_wherever_white_space_meets():
    ours = encoder()
    for characters in product("a \t", repeat=7):
        text = "".join(characters)
        found = ours.ids(text, blank_before=False, split_special_tokens=False)
        assert found == list(ours._ids_of_words(text)), repr(text)


def test_caches_stay_behind_when_an_encoder_is_sent_away():
    ours = encoder()
    ours.ids("a b a b", blank_before=False, split_special_tokens=False)
    again = pickle.loads(pickle.dumps(ours))
    assert ours._chunk_ids and not again._chunk_ids
    assert again.ids("a b", blank_before=True, split_special_tokens=False) == [0x20, 0x61, 0x20, 0x62]
