#!/bin/sh
# holdfast-hub.sh - starts the hub with what only the start can set: young objects in 4 MB instead of 16, two heaps for malloc
MALLOC_ARENA_MAX=2 exec node --max-semi-space-size=4 "$(dirname "$(readlink -f "$0")")/../dist/hub/main.js" "$@"
