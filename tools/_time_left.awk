# Seconds that are left, by a log's own progress; prints nothing without one.
#
#     awk -v spent=SECONDS -f tools/_time_left.awk LOG
#
# Of a training: MMEngine's eta of the iterations, and for each validation to
# come as long as the last one took. Of ninja: what is still to be compiled.

function number_after(word,  text) { # the number behind a word, or 0
  text = $0
  return sub(".*" word, "", text) ? text + 0 : 0
}

function pair_before(word,  text, words, count) { # '[3][15/15] ... word': 15/15
  text = $0
  sub(word ".*", "", text)
  count = split(text, words, /[][]+/)
  return words[count - 1]
}

function seconds(text,  days, parts) { # '1 day, 2:03:04'
  days = text ~ /day/ ? text + 0 : 0
  sub(/.*days?, /, "", text)
  split(text, parts, ":")
  return ((days * 24 + parts[1]) * 60 + parts[2]) * 60 + parts[3]
}

/train_cfg = dict\(/ {
  epochs = number_after("max_epochs=")
  every = number_after("val_interval=")
}

/Epoch\(train\) .* eta: / {
  text = $0
  sub(/.* eta: /, "", text)
  sub(/ +time: .*/, "", text)
  eta = seconds(text)
  trains = 1
}

/Epoch\(val\) .* time: / {
  split(pair_before(" +[^] ]+: "), steps, "/")
  validation = steps[2] * number_after(" time: ")
  if (steps[1] == steps[2]) validated = number_after("Epoch\\(val\\) +\\[")
}

/^ *\[[0-9]+\/[0-9]+\] / {
  split(substr($1, 2), built, /[\/\]]/)
  trains = 0
}

END {
  if (trains) {
    coming = every ? int(epochs / every) - int(validated / every) : 0
    printf "%d\n", eta + coming * validation
  } else if (built[1] >= built[2] / 10 && built[1] > 0) {
    printf "%d\n", spent * (built[2] - built[1]) / built[1]
  }
}
