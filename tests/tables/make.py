"""Writes the tables beside it, by programs that burnlab has nothing to do with: pip install pandas pyarrow odfpy; python make.py

trees.*   the table that `rows` of tests/burnlab/formats.rs makes
types.*   a column of every type that is read, and of some that are not; types.csv is what pandas writes of it
large-*   some kilobytes that become many megabytes
"""

import datetime
import decimal
import pathlib

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet

here = pathlib.Path(__file__).parent

x = [(i * 37 % 101) / 7.0 for i in range(90)]
trees = pa.table(
    {
        "x": pa.array(x, pa.float64()),
        "n": pa.array([None if i % 9 == 0 else (i * 61 % 53) - 20 for i in range(90)], pa.int16()),
        "tree": pa.array([["ash", "beech", "élm, old"][i % 3] for i in range(90)]).dictionary_encode(),
        "y": ["yes" if x > 7.0 else "no" for x in x],
    }
)


def with_texts(kind):
    return pa.table({name: pa.array(trees[name].to_pylist(), kind) if name in ("tree", "y") else trees[name] for name in trees.column_names})


# Row groups that end within a batch, several pages, and every codec.
pa.parquet.write_table(trees, here / "trees.parquet", row_group_size=40, compression="snappy")
pa.parquet.write_table(
    with_texts(pa.string_view()), here / "zstd.parquet", compression="zstd", data_page_version="2.0", use_dictionary=False
)
pa.parquet.write_table(with_texts(pa.large_string()), here / "gzip.parquet", compression="gzip", data_page_size=64)
pa.parquet.write_table(
    with_texts(pa.string()), here / "lz4.parquet", compression="lz4", use_dictionary=False, column_encoding={"y": "DELTA_BYTE_ARRAY"}
)
# Each page with a checksum, and as it is in memory.
pa.parquet.write_table(
    with_texts(pa.string()), here / "checksums.parquet", compression="none", use_dictionary=False, write_page_checksum=True
)
pa.feather.write_feather(trees, here / "trees.feather", compression="lz4", chunksize=40)
pa.feather.write_feather(with_texts(pa.string_view()), here / "trees.arrow", compression="uncompressed")
with pa.OSFile(str(here / "stream.arrow"), "wb") as file:
    options = pa.ipc.IpcWriteOptions(compression="zstd", emit_dictionary_deltas=True)
    with pa.ipc.new_stream(file, trees.schema, options=options) as stream:
        stream.write_table(trees, max_chunksize=40)
trees.to_pandas().astype({"n": "Int64"}).to_excel(here / "trees.ods", engine="odf", sheet_name="Trees", index=False)

count = 60
rng = np.random.default_rng(1)


def ints(low, high):
    """Both ends, and what is between; every seventh is null."""
    values = [low, high] + [int(value) for value in rng.integers(low // 2, high // 2, count - 2, endpoint=True, dtype=np.int64)]
    return [None if i % 7 == 6 else value for i, value in enumerate(values)]


start = datetime.datetime(2023, 12, 30, 21, 30, 15)
moments = [start + datetime.timedelta(hours=7 * i, microseconds=1500 * (i % 2)) for i in range(count)]
whole = [moment.replace(microsecond=0) for moment in moments]
midnights = [datetime.datetime(2024, 1, 1) + datetime.timedelta(days=i * i) for i in range(count)]
decimals = [decimal.Decimal(int(value)).scaleb(-3) for value in rng.integers(-10**6, 10**6, count)]
words = ["ja", "nein", None, "vielleicht", ""]
texts = [words[i % 5] for i in range(count)]
types = {
    "int8": pa.array(ints(-128, 127), pa.int8()),
    "int16": pa.array(ints(-32768, 32767), pa.int16()),
    "int32": pa.array(ints(-(2**31), 2**31 - 1), pa.int32()),
    "int64": pa.array(ints(-(2**63), 2**63 - 1), pa.int64()),
    "uint8": pa.array(ints(0, 255), pa.uint8()),
    "uint16": pa.array(ints(0, 65535), pa.uint16()),
    "uint32": pa.array(ints(0, 2**32 - 1), pa.uint32()),
    "uint64": pa.array([2**64 - 1 - 4096 * i for i in range(count)], pa.uint64()),
    "half": pa.array(rng.normal(size=count).astype(np.float16)),
    "single": pa.array(rng.normal(size=count).astype(np.float32)),
    "large": pa.array(123456789 + 1000 * rng.normal(size=count).astype(np.float32)),
    "double": pa.array(rng.normal(size=count)),
    "bool": pa.array([None if i % 11 == 3 else i % 3 == 0 for i in range(count)]),
    "text": pa.array(texts),
    "large_text": pa.array(texts, pa.large_string()),
    "view": pa.array(texts, pa.string_view()),
    "dictionary": pa.array(texts).dictionary_encode(),
    "codes": pa.array([3 + i % 4 for i in range(count)], pa.int32()).dictionary_encode(),
    "date32": pa.array([moment.date() for moment in midnights], pa.date32()),
    "date64": pa.array([moment.date() for moment in midnights], pa.date64()),
    "midnight": pa.array(midnights, pa.timestamp("ns")),
    "seconds": pa.array(whole, pa.timestamp("s")),
    "milliseconds": pa.array([moment.replace(microsecond=1000) for moment in moments], pa.timestamp("ms")),
    "microseconds": pa.array(moments, pa.timestamp("us")),
    "nanoseconds": pa.array(moments, pa.timestamp("ns")),
    "zone": pa.array(whole, pa.timestamp("us", "Europe/Berlin")),
    "offset": pa.array(whole, pa.timestamp("ms", "+05:30")),
    "utc": pa.array(whole, pa.timestamp("s", "UTC")),
    "time32": pa.array([moment.time().replace(microsecond=0) for moment in moments], pa.time32("s")),
    "time64": pa.array([moment.time() for moment in moments], pa.time64("us")),
    "decimal128": pa.array(decimals, pa.decimal128(12, 3)),
    "decimal256": pa.array(decimals, pa.decimal256(50, 3)),
    "y": pa.array((rng.normal(size=count) * 10).astype(np.float32)),
}
not_read = {
    "nothing": pa.nulls(count),
    "list": pa.array([[i] for i in range(count)]),
    "struct": pa.array([{"a": i} for i in range(count)]),
    "bytes": pa.array([bytes([i]) for i in range(count)]),
}


def pandas_type(kind):
    """NumPy's own of floats, which are written in the fewest digits; elsewhere what keeps whole numbers beside null."""
    if pa.types.is_floating(kind):
        return None
    return pd.ArrowDtype(pa.string() if kind == pa.string_view() else kind)


pa.table(types).to_pandas(types_mapper=pandas_type).to_csv(here / "types.csv", index=False)
both = pa.table({**types, **not_read})
pa.parquet.write_table(both, here / "types.parquet", use_dictionary=["dictionary"], compression="zstd", write_statistics=False)
both = both.append_column("duration", pa.array([datetime.timedelta(seconds=i) for i in range(count)]))
pa.feather.write_feather(both, here / "types.arrow", compression="zstd")

# A few kilobytes that become 80 MiB, or 20: a cell, which is the only one in its page, its dictionary or its batch.
def with_cell(megabytes):
    return pa.table({"a": [1.0, 2.0, 3.0] * 12, "b": ["x", "y", "z"] * 12, "c": ["q" * (megabytes << 20)] + ["u"] * 35})


small = {"compression": "zstd", "compression_level": 19}
for name, megabytes, has_dictionary in [("page", 80, False), ("dictionary", 80, True), ("cell", 20, True)]:
    pa.parquet.write_table(
        with_cell(megabytes), here / f"large-{name}.parquet", use_dictionary=has_dictionary, write_statistics=False, **small
    )
for name, megabytes in [("batch", 80), ("cell", 20)]:
    pa.feather.write_feather(with_cell(megabytes), here / f"large-{name}.arrow", **small)
