// planted.ts - known faults, each a small change of the compiled product: a simulator that does not find them has a hole

export interface Edit {
  /** Below dist, as compiled. */
  file: string
  /** Must be there, in one line. */
  find: string
  put: string
  /** Everywhere in the file, not just once. */
  all?: true
}

export interface Planted {
  name: string
  edits: readonly Edit[]
}

const one = (name: string, file: string, find: string, put: string): Planted => ({ name, edits: [{ file, find, put }] })
const wallTime = (...files: string[]): Edit[] =>
  files.map((file) => ({ file, find: 'clock.monoMs()', put: 'clock.wallMs()', all: true }))

export const PLANTED: readonly Planted[] = [
  // The hub's store.
  one(
    'acknowledge before commit',
    'hub/store/commit-queue.js',
    'await deps.journal.append',
    'void deps.journal.append',
  ),
  one(
    'the hub serves before it is durable',
    'hub/store/memory-store.js',
    'commits.add(written);',
    'commits.add(written), publisher.publish(written.map((one) => one.change));',
  ),
  {
    name: 'the epoch is not raised on restore',
    edits: [
      {
        file: 'hub/store/journal.js',
        find: 'Math.max(own.epoch, seen.epoch) + 1',
        put: 'own.epoch',
      },
      {
        file: 'hub/store/journal.js',
        find: 'Math.max(own.revision, seen.revision) + REVISION_GAP',
        put: 'own.revision',
      },
    ],
  },
  one('a hub that was set back asks nobody what it holds', 'hub/fleet/accounts.js', "=== 'ask'", "=== 'never'"),

  // What goes down.
  one('a state is signed before it is durable', 'hub/fleet/desired.js', 'await store.durable(', 'void ('),
  one(
    'a desired state is sent only once',
    'hub/fleet/desired.js',
    'if (waitMs > 0)',
    'if (sending.attempts > 0) return; if (waitMs > 0)',
  ),
  one('an older revision is accepted', 'shared/protocol/ratchet.js', "order > 0 ? 'take' : 'older'", "'take'"),
  one('signatures are not checked', 'shared/protocol/signing.js', 'const genuine = ', 'const genuine = true || '),
  one(
    'a state is obeyed before it is on the disk',
    'agent/cache/create-cache.js',
    'const { epoch, revision } = state;',
    'const { epoch, revision } = state; desired = { state, signed }; onDesired.tell();',
  ),

  // The device's disk.
  {
    name: 'checksums of rows are not looked at',
    edits: [
      { file: 'agent/cache/database.js', find: '!rowChecksum(kind, key, body).equals(sum)', put: 'false' },
      { file: 'agent/cache/database.js', find: '!journalChecksum(seq, body).equals(sum)', put: 'false' },
    ],
  },
  one(
    'a damaged row costs the whole journal',
    'agent/cache/recover.js',
    '    journal: salvaged.journal,',
    '    journal: [],',
  ),
  one(
    'a damaged mark is believed',
    'agent/cache/durable-file.js',
    'end < 0 || sha256Hex(body) !== text.slice(0, end)',
    'end < 0',
  ),
  one(
    'the signed copy beside the store is not used',
    'agent/cache/recover.js',
    'newest([opened.desired, copy.desired], mark)',
    'newest([opened.desired], mark)',
  ),
  one(
    'damage that is found while the journal is read is not mended',
    'agent/cache/create-cache.js',
    'peekJournal: keeper.peek',
    'peekJournal: (limit) => keeper.outbox.peek(limit)',
  ),

  // What goes up.
  one(
    'the outbox is cleared on send',
    'agent/link/journal.js',
    'const last = entries.at(-1);',
    'const last = entries.at(-1); if (last && uplink) cache.ackJournal(last.seq);',
  ),
  one('the journal is acknowledged before it is stored', 'hub/fleet/ingest-journal.js', 'await store.durable();', ''),
  one(
    'journal entries that come twice count twice',
    'hub/fleet/ingest-journal.js',
    'if (entry.seq <= seq)',
    'if (false)',
  ),
  {
    name: 'a batch of the journal is recorded in reverse',
    edits: [
      {
        file: 'hub/fleet/ingest-journal.js',
        find: 'let seq = mark.journal === journal ? mark.seq : 0;',
        put: 'let seq = mark.journal === journal ? mark.seq : 0; const from = seq;',
      },
      { file: 'hub/fleet/ingest-journal.js', find: 'a.seq - b.seq', put: 'b.seq - a.seq' },
      { file: 'hub/fleet/ingest-journal.js', find: 'if (entry.seq <= seq)', put: 'if (entry.seq <= from)' },
      { file: 'hub/fleet/ingest-journal.js', find: 'seq = entry.seq;', put: 'seq = Math.max(seq, entry.seq);' },
    ],
  },
  one(
    'the hub skips ahead in a journal',
    'hub/fleet/ingest-journal.js',
    'if (entry.seq <= seq)',
    'if (entry.seq <= seq || (entry.seq % 2 === 1 && entry !== entries.at(-1)))',
  ),
  one(
    'sessions are counted anew after a restart',
    'agent/link/session-numbers.js',
    'Number(cache.getValue(KEY) ?? 0)',
    '0',
  ),
  one('a device may speak for the pods of others', 'hub/fleet/ingest-report.js', 'pod.spec.nodeName !== node', 'false'),
  one(
    'a pod is deleted before its device has stopped it',
    'hub/fleet/ingest-report.js',
    'reported.stopped && pod.metadata.deletionTimestamp',
    'pod.metadata.deletionTimestamp',
  ),
  one(
    'a pod is said to have stopped while it stops',
    'agent/reconcile/pod-worker.js',
    'plan?.steps.length === 0 && input.observed.length === 0',
    'plan !== undefined',
  ),

  // How the hub judges.
  {
    name: 'no quiet period after a restart of the hub',
    edits: [
      { file: 'hub/fleet/node-state.js', find: 'hubStartedMs + limits.leaseMs', put: '0' },
      {
        file: 'hub/fleet/node-state.js',
        find: 'life.lastHeardMs ?? hubStartedMs',
        put: 'life.lastHeardMs ?? hubStartedMs - 1e9',
      },
    ],
  },
  {
    name: 'the will of an old session ends the new one',
    edits: [
      { file: 'hub/fleet/judge.js', find: 'if (it?.session !== session)', put: 'if (!it)' },
      { file: 'hub/fleet/inbox.js', find: 'present && present.connection.id !== connection.id', put: 'false' },
    ],
  },
  { name: 'nodes are judged in wall time', edits: wallTime('hub/fleet/judge.js') },
  { name: 'evictions are counted in wall time', edits: wallTime('hub/controllers/taint-eviction.js') },
  one('work moves at the first missed beat', 'hub/controllers/disconnect/fate.js', 'if (lostLeftMs > 0)', 'if (false)'),
  one(
    'work moves as soon as an engine does not answer',
    'hub/controllers/taint-plan.js',
    'RUNTIME_DOWN = { key: NOT_READY,',
    "RUNTIME_DOWN = { key: 'engine',",
  ),

  // The device's loop.
  one(
    'an empty state is obeyed',
    'agent/reconcile/loop.js',
    'const state = cache.desired();',
    'const state = cache.desired() ?? { pods: [], configMaps: {}, secrets: {}, settings: {} };',
  ),
  one(
    'a runtime that does not answer counts as empty',
    'agent/reconcile/observer.js',
    'await runtime.list();',
    'await runtime.list().catch(() => []);',
  ),
  one('containers of another node count as ours', 'agent/runtime/docker-identity.js', "read('node') !== node || ", ''),
  one(
    'the listing takes everything for ours',
    'agent/runtime/docker-identity.js',
    "read('node') !== node || !podUid || !role || !Number.isInteger(attempt)",
    'false',
  ),
  one(
    'a pod does not wait for the one that it follows',
    'agent/reconcile/pod-worker.js',
    'if (awaited(pod) !== undefined)',
    'if (false)',
  ),
  one('two rounds of one pod at once', 'agent/reconcile/pod-worker.js', 'if (stopped || busy)', 'if (stopped)'),
  one(
    'what was running is made anew when the agent starts',
    'agent/reconcile/pod-worker.js',
    'adopted ??= new Set(',
    "if (!adopted) for (const { id } of observed) memory.stops.set(id, { why: 'changed', graceMs: 0, begunAtMonoMs: 0, hook: 'none' }); adopted ??= new Set(",
  ),
  one('the agent forgets its history at restart', 'agent/cache/create-cache.js', 'of kept.histories)', 'of [])'),
  {
    name: 'back-off is counted in wall time',
    edits: wallTime('agent/reconcile/note-lives.js', 'agent/reconcile/pod-worker.js'),
  },
  {
    name: 'no list after events were lost',
    edits: [
      { file: 'agent/reconcile/runtime-watch.js', find: "case 'relist':", put: "case 'relist': return; case 'never':" },
      { file: 'agent/reconcile/runtime-watch.js', find: 'schedule(RELIST_EVERY_MS);', put: '' },
    ],
  },
  one('who could not be asked is sick', 'agent/reconcile/probes.js', '!answer.ok && answer.isUnasked', 'false'),

  // What may run only once.
  one(
    'the fence is told deadlines that never come',
    'agent/fence/fence-text.js',
    'seconds(sentMs + afterMs)',
    'seconds(sentMs + afterMs + 1e9)',
  ),
  one(
    'the agent forgets its leases when it crashes',
    'agent/fence/fence.js',
    "readTenures(deps.process.orders() ?? '', boot.bootId())",
    '[]',
  ),
  one(
    'leases are counted from the receipt of the answer',
    'agent/fence/fence.js',
    'sentMs: Math.max(tenure.sentMs, atMs)',
    'sentMs: boot.nowMs()',
  ),
  one(
    'the hub does not wait for the fence',
    'hub/fleet/leases.js',
    'return sinceMs + fenceMsOf(pod) - clock.monoMs();',
    'return 0;',
  ),
  one(
    'a hub that starts anew has granted nothing',
    'hub/fleet/leases.js',
    "Math.max(hubStartedMs, grantedMs.get(pod.spec.nodeName ?? '') ?? 0)",
    "grantedMs.get(pod.spec.nodeName ?? '') ?? -1e12",
  ),
  one('a recovery grants what stands still', 'hub/fleet/leases.js', '?.isOpen ? [] : ', '?.isOpen && false ? [] : '),
  one(
    'the next singleton starts while the last one stops',
    'hub/controllers/holds-its-place.js',
    'isSingleton(pod) && ',
    'false && isSingleton(pod) && ',
  ),
]
