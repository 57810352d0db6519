#!/usr/bin/env bash
# A worker for Errand's HTTP API, of Bash 5, curl and jq. It runs one job at a time.
# ERRAND_URL=http://127.0.0.1:4800 ERRAND_TOKEN=... bash worker.sh
set -uo pipefail
url=${ERRAND_URL:-http://127.0.0.1:4800} token=${ERRAND_TOKEN:-} lease=${ERRAND_LEASE:-30s}
queues=$(jq -cR 'split(",")' <<<"${ERRAND_QUEUES:-default}")
outcomes='[]' stopping=0 dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
exec {never}<> <(:) # nothing ever comes from here: a pause that needs no process
trap stopping=1 TERM INT # finishes, hands in, and leaves

# A handler for each task: takes the payload, prints the result, and fails by its exit code.
handle() {
  case $1 in
    double) sleep "$(jq '.seconds // 0' <<<"$2")" && jq '{doubled: (2 * .n)}' <<<"$2" ;;
    *) return 127 ;;
  esac
}

# post PATH BODY: sends until $reply is there; repeating a request has no second effect.
post() {
  local status
  while :; do
    reply=$(curl -sS -m 60 -w '\n%{http_code}' -H "authorization: Bearer $token" \
      -H 'content-type: application/json' --data-binary @- "$url$1" <<<"$2") || reply+=$'\n0'
    status=${reply##*$'\n'} reply=${reply%$'\n'*}
    ((status >= 200 && status < 300)) && return
    echo "$1: $reply" >&2
    ((status >= 400 && status < 500 && status != 429)) && exit 1
    sleep 0.3
  done
}

# A UUIDv7: a lease with an id of ours can be asked for once more.
uuid7() {
  local ms; printf -v ms %012x $((${EPOCHREALTIME/[.,]/} / 1000))
  printf '%s-%s-7%03x-8%03x-%08x%04x' "${ms:0:8}" "${ms:8}" $((SRANDOM % 4096)) \
    $((SRANDOM % 4096)) "$SRANDOM" $((SRANDOM % 65536))
}

# beat LEASE SECONDS JOB PID: prolongs the lease while this worker lives; ends a job that was lost.
beat() {
  until read -rt "$2" -u "$never" || ! kill -0 $$ 2>/dev/null; do
    post /v1/leases/heartbeat \
      "{\"leases\":[\"$1\"],\"lease\":\"$lease\",\"jobs\":[{\"job\":\"$3\"}]}"
    jq -e '.lost == []' <<<"$reply" >/dev/null || kill -- "-$4"
  done
}

# Waits for a process, also when a signal comes in between.
ended() {
  while kill -0 "$1" 2>/dev/null; do wait "$1"; done
  wait "$1"
}

# attempt CLAIMED: runs the job; $outcomes say how that ended.
attempt() {
  local job task held every code=0
  read -r job task < <(jq -r '.jobs[0] | "\(.id) \(.task)"' <<<"$1")
  read -r held every < <(jq -r '.lease | "\(.id) \(.expiresIn / 3000)"' <<<"$1")
  set -m # a process group, to end all that the job has started
  handle "$task" "$(jq '.jobs[0].payload' <<<"$1")" >"$dir/result" 2>"$dir/error" & local pid=$!
  set +m; beat "$held" "$every" "$job" "$pid" & local beating=$!
  ended "$pid" || code=$?
  kill "$beating"
  outcomes=$(jq -cn --arg job "$job" --arg lease "$held" --argjson code "$code" \
    --rawfile result "$dir/result" --rawfile error "$dir/error" '[{$job, $lease} +
      if $code == 0 then {outcome: "complete", result: ($result | fromjson)}
      elif $code == 127 then {outcome: "release", delay: "10s"}
      else {outcome: "fail", error: "exit code \($code): \($error[:1000])"} end]')
}

until ((stopping)) && [[ $outcomes == '[]' ]]; do
  post /v1/claims "{\"worker\":\"bash-$$\",\"queues\":$queues,\"id\":\"$(uuid7)\",
    \"lease\":\"$lease\",\"limit\":$((1 - stopping)),\"wait\":\"$((5 - 5 * stopping))s\",
    \"outcomes\":$outcomes}"
  outcomes='[]'
  jq -e '.jobs == []' <<<"$reply" >/dev/null || attempt "$reply"
done
