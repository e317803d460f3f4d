// fence-script.ts - the program that stops a singleton at its deadline when the agent is dead: a shell script, and why
//
// Why a shell: it waits beside every agent that runs a singleton. A second Node would cost 40 MB; /bin/sh costs 1 MB
// and is on every device. Why not the engine's API: an engine that hangs would not answer; the kernel always does. A
// container's processes are found by its id in their cgroup, a plain process by its container's id in its environment.
//
// - It reads the time since boot (sleep of the device included) and its orders once a second; both are one read each.
// - TERM is for when the agent is gone: an agent that lives stops in order, with hooks. KILL is unconditional, and is
//   repeated for as long as the order stands: an engine that was slow to start a container must not get it through.
// - Whatever ends the shell except KILL (no memory for a fork, a signal) starts it anew in the same process: the trap.
// - It ends by itself when its orders are taken away. Nothing that it reads is ever run: ids are words of [A-Za-z0-9_.-].

export const FENCE_SCRIPT = `#!/bin/sh
# holdfast fence: kills what may run only once, when its time is over. $1: folder with its orders.
trap 'exec /bin/sh "$0" "$1"' EXIT
trap '' HUP INT TERM
cd / || exit 1
echo $$ >"$1/pid"
echo -900 >/proc/self/oom_score_adj

lives() {
  read -r stat <"/proc/$1/stat" || return 1
  ticks=$2
  set -- \${stat##*) }
  [ "$1" != Z ] && shift 19 && [ "$1" = "$ticks" ]
}
leads() {
  while read -r key rest; do
    [ "$key" = NSpid: ] && [ "\${rest##*[!0-9]}" = 1 ] && return 0
  done <"/proc/$1/status"
  return 1
}
fell() {
  case $1 in
    docker) found=$(grep -ls -- "$2" /proc/[0-9]*/cgroup) ;;
    process) found=$(grep -ls -- "HOLDFAST_CONTAINER=$2" /proc/[0-9]*/environ) ;;
  esac
  for file in $found; do
    pid=\${file#/proc/}
    pid=\${pid%/*}
    case $1 in
      process) kill -s "$3" -- "-$pid" ;;
    esac
    if [ "$3" = KILL ]; then kill -s KILL "$pid"
    elif [ "$1" = docker ] && leads "$pid"; then kill -s TERM "$pid"
    fi
  done
}

told=
while [ -e "$1/orders" ]; do
  read -r now _ </proc/uptime
  now=\${now%.*}
  while read -r kind id stop kill _; do
    case $kind in
      agent) agent="$id $stop" ;;
      docker | process)
        if [ "$now" -ge "$kill" ]; then
          fell "$kind" "$id" KILL
        elif [ "$now" -ge "$stop" ] && ! lives $agent; then
          case " $told " in
            *" $id "*) ;;
            *) told="$told $id" && fell "$kind" "$id" TERM ;;
          esac
        fi ;;
    esac
  done <"$1/orders"
  sleep 1
done
trap - EXIT
`
