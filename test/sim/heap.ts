// heap.ts - all that is still to happen, the earliest first; of two at the same moment the one that was added first

export interface Entry {
  readonly atMs: number
  readonly order: number
  isCancelled: boolean
  run(): void
}

export interface Heap {
  readonly size: number
  push(entry: Entry): void
  pop(): Entry | undefined
}

const isBefore = (a: Entry, b: Entry) => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)

export function createHeap(): Heap {
  const entries: Entry[] = []
  const at = (index: number): Entry => {
    const entry = entries[index]
    if (!entry) throw new Error('the heap is broken')
    return entry
  }
  const swap = (a: number, b: number) => {
    const held = at(a)
    entries[a] = at(b)
    entries[b] = held
  }
  const sink = () => {
    let index = 0
    for (;;) {
      const [left, right] = [2 * index + 1, 2 * index + 2]
      let first = index
      if (left < entries.length && isBefore(at(left), at(first))) first = left
      if (right < entries.length && isBefore(at(right), at(first))) first = right
      if (first === index) return
      swap(index, first)
      index = first
    }
  }
  return {
    get size() {
      return entries.length
    },
    push(entry) {
      entries.push(entry)
      let index = entries.length - 1
      while (index > 0) {
        const parent = (index - 1) >> 1
        if (!isBefore(at(index), at(parent))) return
        swap(index, parent)
        index = parent
      }
    },
    pop() {
      const [first] = entries
      const last = entries.pop()
      if (first && last && entries.length > 0) {
        entries[0] = last
        sink()
      }
      return first
    },
  }
}
