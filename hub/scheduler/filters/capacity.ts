// capacity.ts - filters on what is left of a node: resources, places for pods, host ports
import { portsConflict } from '../pod-facts.ts'
import type { Filter, Verdict } from './filter.ts'

const TOO_MANY_PODS = 'Too many pods'
const PORT_TAKEN: Verdict = ["node(s) didn't have free ports for the requested pod ports"]

export const fitsResources: Filter = ({ requests }) => {
  const asked = [...requests].filter(([, amount]) => amount > 0)
  return ({ allocatable, used, pods }) => {
    let lacks: string[] | undefined
    if (pods.size + 1 > (allocatable.get('pods') ?? 0)) lacks = [TOO_MANY_PODS]
    for (const [name, amount] of asked)
      if (amount > (allocatable.get(name) ?? 0) - (used.get(name) ?? 0)) (lacks ??= []).push(`Insufficient ${name}`)
    return lacks
  }
}

export const hasFreePorts: Filter = ({ hostPorts }) => {
  if (hostPorts.length === 0) return undefined
  return (info) => {
    for (const taken of info.hostPorts) if (hostPorts.some((port) => portsConflict(port, taken))) return PORT_TAKEN
    return undefined
  }
}
