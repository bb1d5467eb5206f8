#!/bin/sh
# Writes the seeds that are committed in tests/fuzz/corpus/, one folder a target: `tests/fuzz/seeds.sh` after `cargo build`.
# What an input is made of stands at the head of its target.
set -eu
cd "$(dirname "$0")"
rm -rf corpus
mkdir -p corpus/csv corpus/formats corpus/columnar corpus/idx corpus/images corpus/config corpus/filter corpus/ids corpus/run_folder

seed() { # FILE FORMAT...: printf's format, so that bytes can be written as \ooo
    file=corpus/$1
    shift
    # shellcheck disable=SC2059
    printf "$@" >"$file"
}

# Each of the bytes that choose is 000 but for the bit that the seed is about.
rows='1,u,0\n2,v,1\n,w,0\n4,u,1\n5,v,0\n6,u,1\n7,,0\n8,v,1\n'
seed csv/plain "\000\000x,c,y\n$rows"
seed csv/test-file "\004\000x,c,y\n$rows%%%%\ny,c,x\n0,z,7\n1,u,\n"
seed csv/no-header "\001\000$rows"
seed csv/regression "\070\000x,c,y\n1,u,0.5\n2,v,1.5\n3,w,2.5e3\n4,u,-1\n5,v,7\n6,u,8\n"
seed csv/semicolon "\100\001x;c;y\r\n1;u;a\r\n2;\"v;\"\"w\"\"\";b\r\n3;w;a\r\n4;u;b\r\n5;u;a\r\n"
seed csv/quotes "\014\000\"x\",\"c\",\"y\"\n1,\"a\nb\",0\n2,\"q\"\"q\",1\n3, w ,0\n4,\"\",1\n5,w,1\n6,w,0\n"
seed csv/mark "\002\000\357\273\277x,c,y\n1,\303\251,0\n2,\346\227\245,1\n3,\303\251,1\n1e30,b,0\n"
seed csv/missing "\000\040x,c,y\n1.0,NA,0\n1,u,2\n2,1.0,0\n3,v,2\n4,v,0\n5,u,2\n"
seed csv/folds "\000\033x,c,y\n$rows"
seed csv/gzipped "\002\104x,c,y\n$rows"
seed csv/classes "\000\200x,c,y\n1,u,0\n2,v,1\n3,u,2\n4,v,0\n5,u,1\n6,v,2\n7,u,1\n8,v,0\n"

json='{"x": 1, "c": "u", "y": 0}\n{"y": 1, "c": "v", "x": 2.5}\n{"x": null, "y": 0, "c": "w"}\n{"c": "u", "y": 1}\n{"x": 5e1, "c": "\\u0076", "y": 0}\n'
seed formats/json "\000$json"
seed formats/json-gzipped "\010$json"
seed formats/json-twice "\000$json%%%%\n$json"
seed formats/json-test-file "\020$json%%%%\n$json"
seed formats/json-divided "\040"'{"g": 1, "x": 1, "y": 0}\n{"g": 1, "x": 2, "y": 1}\n{"g": 2, "x": 3, "y": 0}\n{"g": 2, "x": 4, "y": 1}\n{"g": 3, "x": 5, "y": 0}\n{"g": 3, "x": 6, "y": 1}\n'
seed formats/json-nul "\000"'{"x": 1, "c": "u\\u0000v", "y": 0}\n{"x": 2, "c": "\\u0000", "y": 1}\n{"x": 3, "c": "w", "y": 0}\n{"x": 4, "c": "u\\u0000v", "y": 1}\n'
seed formats/csv-ordered "\100t,x,y\n2024-01-01,1,0\n2024-01-02,2,1\n2024-01-03,4,0\n2024-01-04,3,1\n2024-01-05,6,0\n2024-01-06,5,1\n"
seed formats/csv-given "\200p,x,y\ntrain,1,0\ntrain,2,1\nval,3,0\nval,4,1\ntest,5,0\ntest,6,1\n"
seed formats/csv-zipped "\002x,c,y\n$rows"
numpy() { # DESCR SHAPE: a header of 104 bytes and its length
    printf '\\223NUMPY\\001\\000\\136\\000%-93s\\n' "{'descr': $1, 'fortran_order': False, 'shape': $2}"
}
seed formats/array "\004$(numpy "'|i1'" '(6, 2)')\001\000\002\001\003\000\004\001\005\000\006\001"
seed formats/arrays "\001$(numpy "'|u1'" '(7,)')\001\002\003\004\005\006\n%%%%\n$(numpy "'|S1'" '(7,)')abababa"
seed formats/records "\000$(numpy "[('x','|u1'),('y','|b1')]" '(6,)')\001\000\002\001\003\000\004\001\005\000\006\001"

for file in trees.parquet zstd.parquet gzip.parquet lz4.parquet trees.feather trees.arrow stream.arrow; do
    { printf '\000' && cat "../tables/$file"; } >"corpus/columnar/$file"
done
for file in grey.jpg turned.jpg lossless.webp lossy.webp animated.webp palette.png transparent.png; do
    { printf '\110' && cat "../images/$file"; } >"corpus/images/$file"
done

images='\000\000\010\003\000\000\000\006\000\000\000\001\000\000\000\002\000\063\146\231\314\377\001\002\003\004\005\006'
labels='\000\000\010\001\000\000\000\006\007\003\007\003\007\003'
seed idx/plain "\000\016$labels$images"
seed idx/gzipped "\003\016$labels$images"
seed idx/cut "\014\016$labels$images"
seed idx/test-files "\020\016$labels$images"
seed idx/floats "\000\014\000\000\010\001\000\000\000\004\000\001\000\001\000\000\015\002\000\000\000\004\000\000\000\001?\300\000\000\300\000\000\000@\000\000\000@@\000\000"
seed idx/shape "\100\014\000\000\010\001\000\000\000\004\000\001\000\001\000\000\010\002\000\000\000\004\000\000\000\001abcd"

for config in digits csv-example digits-sweep wine-folds digits-finetune; do
    # Comments are of no use to a fuzzer.
    sed -e '/^#/d' -e 's/ *#.*//' -e '/^$/d' "../../configs/$config.toml" >"corpus/config/$config"
done
seed config/overrides 'seed = 7\n[data]\nsource = "moons"\n%%%%\nmodel.hidden=[8, 4]\ndata.source=iris\ntraining.learning_rate=1e-2\n'
seed config/all '[data]\nsource = "blobs"\nnum_classes = 3\nsplit_seed = 9\n[model]\nhidden = []\nactivation = "tanh"\n[training]\noptimizer = "sgd"\nmomentum = 0.9\nclass_weights = "balanced"\n[training.schedule]\nkind = "plateau"\n[training.early_stopping]\npatience = 3\nmin_delta = inf\n'
seed config/grid '[data]\nsource = "iris"\n[sweep]\nmethod = "grid"\n[sweep.space]\n"model.hidden" = { length = [0, 2], values = [4, 8] }\n"training.l2" = { min = 1e-5, max = 1e-2, scale = "log", points = 3 }\n"data.scale" = { values = ["none", "robust"] }\n'
seed config/tpe '[data]\nsource = "iris"\n[sweep]\nmethod = "tpe"\nminutes = 1.5\nhalving = { min_epochs = 2 }\n[sweep.space]\n"training.batch_size" = { min = 4, max = 64, scale = "log" }\n"model.activation" = { values = ["relu", "tanh"] }\n'
# What broke burnlab once.
seed config/large-seed 'seed = 18446744073709551615\n[data]\nsource = "iris"\n'
seed config/deep-key "[data]\nsource = \"iris\"\n%%%%\ntraining$(printf '.a%.0s' $(seq 2000))=1\n"
seed config/control 'seed = 9223372036854775807\n[data]\nsource = "iris"\n[sweep]\nmethod = "random"\ntrials = 1\n[sweep.space]\n"data.target" = { values = ["\\u007f"] }\n'
seed csv/numbers-kept "\000\204x,c,y\n1,1.0,1.0\n2,2.0,0\n3,1.0,1.0\n4,2.0,1\n5,x,0\n6,1.0,old\n7,2.0,0\n8,1.0,1\n9,2.0,1\n"
seed csv/largest "\012\000x,c,y\n3.4028234e38,u,0\n-3.4028234e38,v,1\n0,u,0\n1e-45,v,1\n3e38,v,0\n-3e38,u,1\n"

seed filter/metrics 'test/accuracy > 0.95 and last(validation/loss) = nan or test/rmse != 1'
seed filter/params 'model.hidden = [16, 8.0] and model.hidden ~ 16 and not (data.version = "16" or seed = 9007199254740993)'
seed filter/record "tag != old and tags ~ 'x y' and (status = finished OR started >= 1) AND note ~ x"
seed filter/empty ' '

seed ids/run 'digits-20261124-235039-a3f1'
seed ids/latest 'latest'
seed ids/up '../../secret'
seed ids/plot 'plots/curves.svg'
seed ids/file 'model.safetensors'
seed ids/hidden 'plots/.hidden'
seed ids/metric 'validation/precision@5-x.y'
seed ids/time '2026-11-24T23:50:39.123456Z'
seed ids/name 'Digits: 2nd try!'

# A tiny network: two numeric columns with gaps, a category, three classes. The first letter selects the file.
place=$(mktemp -d)
awk 'BEGIN { print "a,b,c,y"; for (i = 0; i < 24; i++)
    printf "%s,%s,%s,%s\n", i % 7 ? i * i % 11 : "", i * 0.5, substr("uvw", i % 3 + 1, 1), substr("pqr", i % 3 + 1, 1) }' >"$place/a.csv"
printf '[data]\npath = "%s/a.csv"\ntarget = "y"\ntest_fraction = 0.2\n[model]\nhidden = [3]\n[training]\nbatch_size = 4\nmax_epochs = 2\n' "$place" >"$place/tiny.toml"
run=$(../../target/debug/burnlab --config "$place/tiny.toml" --artifacts "$place" --quiet --print-id)
printf '{"dataset":{"fingerprint":"0"},"version":1.5,"list":[true,null]}' >"$place/runs/$run/environment.json"
for file in Mmodel.safetensors Ppreprocessing.json Cconfig.toml Rrun.json Vmetrics.csv Eenvironment.json Ttest.csv; do
    name=${file#?}
    { printf '%s' "${file%"$name"}" && sed -e "s|$run|tiny-20261125-120000-0000|; s|$place|/data|" "$place/runs/$run/$name"; } \
        >"corpus/run_folder/$name"
done
rm -r "$place"
du -sh --apparent-size corpus
