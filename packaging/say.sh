# shellcheck shell=bash
# Sourced by ./up and ./test: two languages, numbered steps, a spinner on terminals, errors that say what to do next.

case "${LC_ALL:-${LC_MESSAGES:-${LANG:-}}}" in fr*) french=1 ;; *) french= ;; esac
terminal=
[ -t 1 ] && [ "${TERM:-dumb}" != dumb ] && terminal=1
log=/dev/null
step_number=0
step_count=0
step_began=0

# t FRENCH ENGLISH: prints the one that is asked for.
t() { if [ -n "$french" ]; then printf '%s\n' "$1"; else printf '%s\n' "$2"; fi; }

# step FRENCH ENGLISH: begins a step.
step() {
  step_number=$((step_number + 1))
  step_began=$SECONDS
  printf '[%d/%d] %s\n' "$step_number" "$step_count" "$(t "$1" "$2")"
  printf '== %s\n' "$2" >>"$log"
}

# note FRENCH ENGLISH: one line inside a step.
note() { printf '      %s\n' "$(t "$1" "$2")"; }

# done_step, there_step: end a step that did something, that found nothing to do.
done_step() {
  note "fait ($((SECONDS - step_began)) s)" "done ($((SECONDS - step_began)) s)"
}
there_step() {
  note "déjà là" "already there"
}

# fail CODE FRENCH ENGLISH NEXT_FRENCH NEXT_ENGLISH: says what is wrong and what to do next, and ends.
fail() {
  {
    printf '\n%s %s\n' "$(t 'Arrêt :' 'Stopped:')" "$(t "$2" "$3")"
    printf '%s %s\n' "$(t 'À faire :' 'Next:')" "$(t "$4" "$5")"
    if [ "$log" != /dev/null ]; then printf '%s %s\n' "$(t 'Journal :' 'Log:')" "$log"; fi
  } >&2
  trap - EXIT
  exit "$1"
}

# quietly COMMAND…: runs it with its output in the log; shows that time passes; shows the last lines when it fails.
quietly() {
  local began=$SECONDS from pid code=0 turn=0 last seconds said=0
  from=$(($(wc -l <"$log") + 2))
  printf '$ %s\n' "$*" >>"$log"
  "$@" >>"$log" 2>&1 </dev/null &
  pid=$!
  while kill -0 "$pid" 2>/dev/null; do
    sleep 0.2
    turn=$((turn + 1))
    seconds=$((SECONDS - began))
    if [ -n "$terminal" ]; then
      last=$(tail -n 1 "$log" | tr -cd '[:print:]' | cut -c1-60)
      # shellcheck disable=SC1003
      printf '\r\033[K      %s %d s  %s' "$(printf '%s' '|/-\' | cut -c$((turn % 4 + 1)))" "$seconds" "$last"
    elif [ $((seconds - said)) -ge 20 ]; then
      said=$seconds
      note "… encore en cours ($seconds s)" "… still at it ($seconds s)"
    fi
  done
  [ -n "$terminal" ] && printf '\r\033[K'
  wait "$pid" || code=$?
  if [ "$code" -ne 0 ]; then
    printf '      $ %s\n' "$*" >&2
    tail -n "+$from" "$log" | tail -n 15 | sed 's/^/      | /' >&2
  fi
  return "$code"
}

# install_debian PACKAGE…: installs those that are missing; adds to `installed` what it installed.
installed=
install_debian() {
  local package missing=()
  installed=
  for package; do
    # shellcheck disable=SC2016
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  installed=${missing[*]}
  note "j'installe : $installed" "installing: $installed"
  quietly apt-get -o Acquire::Retries=3 update || return 1
  DEBIAN_FRONTEND=noninteractive quietly apt-get -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 \
    install -y --no-install-recommends "${missing[@]}"
}

# take_toolchain build|develop: the Rust toolchain of rust-toolchain.toml, through rustup; `develop` with clippy and rustfmt.
# Sets `toolchain_taken` when something was fetched.
toolchain_taken=
take_toolchain() {
  local channel components=()
  channel=$(sed -n 's/^channel *= *"\(.*\)"/\1/p' rust-toolchain.toml)
  PATH=$PATH:${CARGO_HOME:-${HOME:-/root}/.cargo}/bin
  export PATH
  if ! command -v rustup >/dev/null; then
    if command -v cargo >/dev/null && [ "$(cargo --version | cut -d' ' -f2)" = "$channel" ]; then return 0; fi
    toolchain_taken=1
    if apt-cache show rustup 2>/dev/null | grep -q .; then
      install_debian rustup || return 1
    else # Debian 12 has no package of it
      install_debian curl || return 1
      take_rustup || return 1
    fi
    hash -r
  fi
  # Said by name: neither another default nor parts that only developers need are fetched.
  export RUSTUP_TOOLCHAIN=$channel
  if [ "$1" = develop ]; then
    cargo clippy --version >/dev/null 2>&1 && cargo fmt --version >/dev/null 2>&1 && return 0
    components=(--component clippy --component rustfmt)
  else
    rustup toolchain list 2>/dev/null | grep -q "^$channel" && return 0
  fi
  # shellcheck disable=SC2034
  toolchain_taken=1
  quietly rustup toolchain install "$channel" --profile minimal --no-self-update "${components[@]}"
}

take_rustup() {
  # Not in /tmp: on many machines nothing may be executed there.
  local place
  place=$(mktemp -d "${HOME:-/root}/.rustup-init.XXXXXX") || return 1
  note "rustup, par son propre installeur" "rustup, by its own installer"
  quietly curl --proto '=https' --tlsv1.2 --retry 3 -sSf -o "$place/rustup-init.sh" \
    "${RUSTUP_UPDATE_ROOT:-https://static.rust-lang.org/rustup}/rustup-init.sh" &&
    TMPDIR=$place quietly sh "$place/rustup-init.sh" -y --no-modify-path --profile minimal --default-toolchain none
  local code=$?
  rm -rf "$place"
  return "$code"
}
