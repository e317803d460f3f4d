// non-zero.ts - counts as upstream encodes them: a zero is left out, and clients read what is not there as zero
export function nonZero<K extends string>(counts: Readonly<Record<K, number>>): Partial<Record<K, number>> {
  const kept: Partial<Record<K, number>> = {}
  for (const name in counts) if (counts[name] !== 0) kept[name] = counts[name]
  return kept
}
