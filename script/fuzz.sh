# Sourced by script/fuzz and tests/suites/fuzz: the fuzz targets, and one run of one.

fuzz_names() { find src -name '*_fuzz.cc' | sed 's,.*/,,; s,_fuzz\.cc$,,' | sort; }
fuzz_source() { find src -name "${1}_fuzz.cc"; }

ASAN_OPTIONS=external_symbolizer_path=$(command -v addr2line)
export ASAN_OPTIONS UBSAN_OPTIONS=$ASAN_OPTIONS:print_stacktrace=1

# run_fuzz NAME OPTION...: one run, bounded in memory and in time for each input.
run_fuzz() {
  local name=$1 folder=$CACHE/fuzz/$1 program=build/asan/fuzz/${1}_fuzz code=0
  local seeds=()
  shift
  mkdir -p "$folder/corpus"
  [ ! -d "tests/fuzz/$name" ] || seeds+=("tests/fuzz/$name")
  mapfile -t -O ${#seeds[@]} seeds < <(sed -n 's,^// seeds: ,,p' "$(fuzz_source "$name")")
  "$program" -max_len=16384 -rss_limit_mb=1500 -timeout=20 -artifact_prefix="$folder/" "$@" "$folder/corpus" "${seeds[@]}" || code=$?
  if [ "$code" != 0 ]; then
    echo "The fuzz target $name found something. See it again with the file that it wrote (Test unit written to ...):"
    echo "  script/build --sanitize address,undefined --only ${name}_fuzz && $program FILE"
  fi
  return "$code"
}
