#!/usr/bin/env bash
# From a bare machine to a trained and tested 1-bit detector. Before it trains
# one, it shows what the detector that comes with the package finds. Run it
# again at any time: what is done is skipped, a stopped training goes on.
#
#     ./tools/quickstart.sh
#
# Leaves work_dirs/quickstart/: first.jpg, checkpoint, table.md, curves.png, pictures/;
# while it trains, detections/ with a look at the validation images.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/_setup.sh"

CONFIG=configs/faster_rcnn/faster-rcnn_r18_fpn128_surge_12e_demo-digits.py
OUT=work_dirs/quickstart
CHECKPOINT=$OUT/epoch_12.pth
DATA=data/demo_digits

# What is there counts as done only if it came from the same files.
DATA_STAMP=$(stamp tools/dataset_converters/make_demo_digits.py)
RUN_STAMP=$DATA_STAMP-$(stamp $CONFIG configs/_base_/*.py configs/_base_/*/*.py)

same() { [ "$(cat "$1" 2>/dev/null)" = "$2" ]; }

show_shipped() { "$PY" -m surge_mmdet.demo --out $OUT/first.jpg | tee $OUT/first.txt; }

make_data() {
  "$PY" tools/dataset_converters/make_demo_digits.py --out $DATA
  echo "$DATA_STAMP" >$DATA/.stamp
}

train() { "$PY" tools/train.py $CONFIG --work-dir $OUT --resume; }

# mmdet's test tool puts its pictures beside its own log; collect them.
run_test() {
  rm -rf $OUT/test $OUT/pictures
  "$PY" tools/test.py $CONFIG $CHECKPOINT --work-dir $OUT/test \
    --show-dir pictures --cfg-options test_evaluator.outfile_prefix=$OUT/test \
    default_hooks.visualization.score_thr=0.5
  mv $OUT/test/*/pictures $OUT/pictures
}

summarise() {
  "$PY" tools/analysis_tools/result_table.py SURGE=$OUT --out $OUT/table
  mv $OUT/table.png $OUT/curves.png
}

echo 'surge_mmdet quickstart: install, detect, make data, train, test'
use_environment
plan 60 400 60 20 15 10 420 30 20
set_up 'import sklearn, skimage, tensorboard'
if [ -d $OUT ] && ! same $OUT/.stamp "$RUN_STAMP"; then
  echo "     $OUT is of another recipe: moved to $OUT-$(date +%Y%m%d-%H%M%S)"
  mv $OUT "$OUT-$(date +%Y%m%d-%H%M%S)"
fi
mkdir -p $OUT
echo "$RUN_STAMP" >$OUT/.stamp
if [ -f $OUT/first.jpg ]; then skip 'first detections, by a shipped detector'; else
  step 'first detections, by a shipped detector' \
    'python -m surge_mmdet.environment says what is wrong' show_shipped
  sed 's/^/     /' $OUT/first.txt
fi
if same $DATA/.stamp "$DATA_STAMP"; then skip 'demo data'; else
  step 'demo data' 'check the disk; the data needs 15 MB' make_data
fi
if [ -f $CHECKPOINT ]; then skip 'training the 1-bit detector with SURGE'; else
  step 'training the 1-bit detector with SURGE' \
    "close other programs if the memory (3 GB) is short" train
fi
if [ -f $OUT/test.bbox.json ] && [ -d $OUT/pictures ] &&
  [ $OUT/test.bbox.json -nt $CHECKPOINT ]; then skip 'test and pictures'; else
  step 'test and pictures' "delete $CHECKPOINT if it is not whole" run_test
fi
step 'table and curves' "delete $OUT/test.bbox.json to test again" summarise

echo
cat $OUT/table.md
echo
echo "first seen  $OUT/first.jpg (by the detector that comes with the package)"
echo "checkpoint  $CHECKPOINT"
echo "table       $OUT/table.md"
echo "pictures    $OUT/pictures (left: ground truth, right: detections)"
echo "            $OUT/detections (the same, as the training went on)"
echo "curves      $OUT/curves.png"
[ "$VIRTUAL_ENV" != "$ROOT/.venv" ] ||
  echo 'next        source .venv/bin/activate, then see README.md'
