# shellcheck shell=bash
# Sourced by the suites whose tests are programs of Python's unittest.

# environment NAME LIST: prints the Python of an environment of its own, NAME, with the pinned packages of the file LIST; made anew
# when that changes.
environment() {
  local folder=$CACHE/$1
  if ! cmp -s "$2" "$folder/requirements.txt"; then
    rm -rf "${folder:?}"
    { python3 -m venv "$folder" &&
      "$folder/bin/python" -m pip install --quiet --no-deps --require-hashes --requirement "$2" &&
      cp "$2" "$folder/requirements.txt"; } >&2 || return
  fi
  echo "$folder/bin/python"
}

# conclude OUTPUT CODE: writes $RESULT of what the programs printed into the file OUTPUT; CODE is not 0 when one ended so. A test whose
# subtests fail is one failure, and so is a program that failed without naming a test.
conclude() {
  local ran bad
  ran=$(awk '/^Ran [0-9]+ tests? in / { sum += $2 } END { print sum + 0 }' "$1")
  bad=$({ grep -E '^(FAIL|ERROR): ' "$1" || true; } | cut -d' ' -f2,3 | sort -u | wc -l)
  [ "$2" = 0 ] || [ "$bad" -gt 0 ] || bad=1
  echo "$((ran > bad ? ran - bad : 0)) $bad" >"$RESULT"
  [ "$bad" = 0 ]
}
