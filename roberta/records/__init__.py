"""Records in, results out: every file form that the commands read and write. Loads neither torch nor NumPy."""

from roberta.records.fields import Fields
from roberta.records.formats import FORMATS, Format, find_format
from roberta.records.numbers import plain, shortest
from roberta.records.offsets import OFFSET_UNITS, convert_spans
from roberta.records.reading import STDIN, Block, given_records, read_blocks, read_records
from roberta.records.record import BrokenRecord, Record
from roberta.records.squad_file import JsonObjectWriter, SquadWriter
from roberta.records.writing import STDOUT, CsvWriter, JsonlWriter, TsvWriter, Writer, json_line, open_output

__all__ = [
    "FORMATS",
    "OFFSET_UNITS",
    "STDIN",
    "STDOUT",
    "Block",
    "BrokenRecord",
    "CsvWriter",
    "Fields",
    "Format",
    "JsonObjectWriter",
    "JsonlWriter",
    "Record",
    "SquadWriter",
    "TsvWriter",
    "Writer",
    "convert_spans",
    "find_format",
    "given_records",
    "json_line",
    "open_output",
    "plain",
    "read_blocks",
    "read_records",
    "shortest",
]
