// harness.ts - what a contract test gets: a runtime, a pod of its own, and what that runtime cannot do
import type { Test } from 'tap'
import type { ContainerSpec, Runtime, RuntimeEvent } from '../../agent/runtime/runtime.ts'
import type { SpecChange } from '../support/container-spec.ts'
import type { Program } from './programs.ts'

/** What a runtime cannot do is said here by name; the suite prints it, so that nothing is missing in silence. */
export interface Capabilities {
  /** Images are looked up, pulled, and can be missing. */
  images: boolean
  /** stdout and stderr are told apart in logs. */
  separateStreams: boolean
  /** Each line of a log knows its own moment. */
  exactLogTimes: boolean
  /** Standard input can be attached. */
  stdin: boolean
  /** Commands really run: environment, folders, users, terminals. */
  programs: boolean
  /** Own network: published ports, shared sandbox. */
  networks: boolean
  /** Programs run as the user that the pod names. */
  users: boolean
  /** The device may hold containers that are not ours. */
  foreigners: boolean
  /** The file for a last word lies on the device, where it can be counted. */
  messageFiles: boolean
  /** Limits are enforced, and running out of memory is told. */
  limits: boolean
}

export interface Harness {
  capabilities: Capabilities
  /** An image that is on the device. */
  image: string
  /** Of this run alone; where a driver may keep what programs say about their ends. */
  folder: string
  /** Each call makes another driver on the same containers, as an agent does that was restarted. */
  open: () => Promise<Runtime>
  /** A driver whose engine does not answer. */
  openUnavailable: () => Promise<Runtime>
  /** Makes somebody else's container with the name that ours would have; only asked of runtimes with foreigners. */
  makeForeign: (spec: ContainerSpec) => Promise<{ isUntouched: () => Promise<boolean> }>
  close: () => Promise<void>
}

export interface Contract {
  harness: Harness
  runtime: Runtime
  events: RuntimeEvent[]
  /** A pod of its own for each test, so that tests never see each other. */
  spec: (program: Program, change?: SpecChange) => ContainerSpec
  create: (program: Program, change?: SpecChange) => Promise<string>
  /** Created and started. */
  run: (program: Program, change?: SpecChange) => Promise<string>
  untilExited: (id: string) => Promise<void>
}

export type Check = { needs?: keyof Capabilities; run: (t: Test, contract: Contract) => Promise<void> }
