#!/bin/bash
# The first program of a machine: fetches the runner's bundle, checks it, runs it, and ends the machine.
# Rendered by runner (the values between @ signs); everybody who may describe the machine can read this.
# shellcheck disable=SC2317  # much of it is called by a trap

set_timer() { SECONDS=0 && shutdown -P '+@TTL_MINUTES@' 'the time to live of this machine is over'; }
set_timer || { poweroff -f; exit 1; }

# A machine that is started again has lost its timer, and cloud-init runs this script no second time.
each_boot="${0%/instance/scripts/*}/scripts/per-boot"
[ ! -d "$each_boot" ] || install -m 700 /dev/stdin "$each_boot/runner" <<'AGAIN'
#!/bin/sh
echo "runner-boot $(date +%s) off: this machine was started again, and ends"
shutdown -P now || poweroff -f
AGAIN

umask 077
export LC_ALL=C
metadata='@METADATA@/latest'
home='@HOME@'
log="$home/boot.log"
ttl='@TTL_SECONDS@'
role=''
agent=''

say() {
  printf 'runner-boot %s %s: %s\n' "$(date +%s)" "$1" "$2" | tee -a "$log"
}

fail() {
  say failed "$1"
  exit 1
}

again() { # COMMAND...
  local pause
  for pause in 1 2 4 8 16 0; do
    "$@" 2>>"$log" && return 0
    sleep "$pause"
  done
  return 1
}

ask() { # CURL OPTIONS, for the metadata service: a role may come some seconds after its machine
  again curl -fsS --max-time 5 --noproxy '*' "$@"
}

about() { # PATH
  local token
  token=$(ask -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 300' "$metadata/api/token") || return 1
  ask -H "X-aws-ec2-metadata-token: $token" "$metadata/meta-data/$1"
}

credential() { # FIELD, from the role's document on standard input
  sed -n 's/.*"'"$1"'" *: *"\([^"]*\)".*/\1/p'
}

# The role's credentials reach curl by its standard input: a command line can be read by every process.
s3() { # CURL OPTIONS...
  local document
  document=$(about "iam/security-credentials/$role") || return 1
  curl -fsS --connect-timeout 10 --speed-limit 1 --speed-time 60 --aws-sigv4 'aws:amz:@REGION@:s3' --config - "$@" <<CONFIG
user = "$(credential AccessKeyId <<<"$document"):$(credential SecretAccessKey <<<"$document")"
header = "x-amz-security-token: $(credential Token <<<"$document")"
CONFIG
}

get() { # URL FILE
  s3 -H "x-amz-content-sha256: $(: | sha256sum | cut -d ' ' -f 1)" -o "$2" "$1"
}

# S3 refuses a machine whose clock is off by 15 minutes. Any answer says what time it is; of S3 there is none where
# the clock is off by so much that no certificate holds.
set_clock() { # URL
  local said off
  said=$(curl -sI --connect-timeout 10 --max-time 20 "$1" "$metadata/" | tr -d '\r' | sed -n 's/^[Dd]ate: //p' | head -n 1)
  [ -n "$said" ] && said=$(date -d "$said" +%s) || return 0
  off=$((said - $(date +%s)))
  [ "${off#-}" -gt 300 ] || return 0
  say clock "the clock of this machine is set by $off seconds"
  shutdown -c # the timer is a time of this clock: set ahead, it would be over now
  date -s "@$said" >/dev/null
  set_timer || exit 1
}

fetch() { # URL FILE
  get "$@" 2>>"$log" && return 0
  set_clock "$1" 2>>"$log"
  again get "$@"
}

keep() { # FILE URL
  s3 -X PUT -H "x-amz-content-sha256: $(sha256sum <"$1" | cut -d ' ' -f 1)" -H 'content-type: text/plain' --data-binary "@$1" "$2" >/dev/null
}

# Also when the agent was killed, or this script was.
finish() {
  local status=$? last="/dev/shm/runner-boot.$$"
  trap '' EXIT HUP INT TERM
  [ -z "$agent" ] || kill "$agent" 2>/dev/null
  if [ "$status" != 0 ]; then
    [ -w /dev/shm ] || last="$log.tail" # the disk may be what is full
    tail -c 65536 "$log" >"$last"
    keep "$last" "@LOG_URL@-$(about instance-id).log" || tail -n 30 "$log"
    rm -f "$last"
  fi
  say off 'this machine ends'
  shutdown -P now || poweroff -f
}

mkdir -p "$home" || { shutdown -P now || poweroff -f; exit 1; }
trap finish EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

say bootstrap 'run @RUN_ID@, generation @GENERATION@'
curl --aws-sigv4 aws:amz --version >/dev/null 2>>"$log" || fail 'there is no curl that signs requests: use an image with a newer one'

say role 'looking for the credentials of the machine'
role=$(about iam/security-credentials/ | head -n 1)
[ -n "$role" ] || fail 'this machine has no role: set aws.instance_profile, or machine.instance_profile'

say python 'looking for Python 3.11 or newer'
find_python() {
  local name
  for name in python3 python3.14 python3.13 python3.12 python3.11; do
    "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && command -v "$name" && return 0
  done
  return 1
}
python=$(find_python) || {
  command -v dnf >/dev/null || fail 'there is no Python 3.11 or newer: use an image that has one'
  say python "installing Python 3.11 from the system's own repository"
  dnf -q -y install python3.11 >>"$log" 2>&1 || fail 'Python 3.11 cannot be installed'
  python=$(find_python) || fail 'there is no Python 3.11 or newer, even after its installation'
}

say fetch 'fetching the bundle'
fetch '@BUNDLE_URL@' "$home/bundle.tar.gz" || fail "the bundle cannot be fetched: $(tail -n 1 "$log")"
printf '%s  %s\n' '@BUNDLE_SHA256@' "$home/bundle.tar.gz" | sha256sum -c --status || fail 'the bundle has another hash than it should'
mkdir -p "$home/program"
tar -xzf "$home/bundle.tar.gz" -C "$home/program" --no-same-owner 2>>"$log" || fail 'the bundle cannot be unpacked'

say agent 'starting the agent'
export AWS_REGION='@REGION@' AWS_DEFAULT_REGION='@REGION@' AWS_ENDPOINT_URL='@ENDPOINT@'
[ -n "$AWS_ENDPOINT_URL" ] || unset AWS_ENDPOINT_URL
# The SDK asks once, for a second, and then believes for ever that there is no role.
export AWS_METADATA_SERVICE_TIMEOUT=5 AWS_METADATA_SERVICE_NUM_ATTEMPTS=5
"$python" -I "$home/program" --run '@RUN_URL@' --generation '@GENERATION@' --ttl "$((ttl - SECONDS))" >>"$log" 2>&1 &
agent=$!
# Whoever switches this machine off: the agent ends first, then this script, and only then the network.
systemd-run --quiet --unit=runner-end -p RemainAfterExit=yes -p After=network.target -p TimeoutStopSec=100 \
  -p "ExecStop=/bin/bash -c 'kill $agent; tail --pid=$$ -f /dev/null'" /bin/true 2>>"$log"
wait "$agent"
status=$?
say agent "ended with exit code $status"
exit "$status"
