// explain.ts - says in upstream's words why a pod fits nowhere
import type { Placement } from './place.ts'

export function explain({ nodes, reasons }: Extract<Placement, { kind: 'none' }>): string {
  if (nodes === 0) return 'no nodes available to schedule pods'
  const counted = [...reasons].map(([reason, count]) => `${count} ${reason}`).toSorted()
  return `0/${nodes} nodes are available: ${counted.join(', ')}.`
}
