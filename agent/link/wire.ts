// wire.ts - the port to the network: one MQTT session at a time, so that a simulator can be the network
import type { DownTopic, UpTopic } from '../../shared/protocol/topics.ts'

export interface WireAttempt {
  /** Tells our agent process from any other that shows the same identity. */
  instance: string
  /** Sent by the broker when the link breaks without a goodbye. */
  will: Buffer
}

/** duplicate: another device with our identity lives. identity: revoked, or unknown there. busy, network: try again. */
export type CloseReason = { kind: 'duplicate' | 'identity' | 'busy' | 'network'; message: string }

export interface WireHandlers {
  /** Connected, and subscribed to all that comes down. */
  onOpen(): void
  onMessage(what: DownTopic, payload: Buffer): void
  /** Once, and the last. */
  onClose(reason: CloseReason): void
}

export interface Wire {
  /** With 1: resolves when the broker has taken it; rejects when the session closes before. */
  publish(what: UpTopic, payload: Buffer, qos: 0 | 1): Promise<void>
  /** Says goodbye: no will is sent. */
  end(): Promise<void>
  /** Closes without a goodbye. */
  drop(): void
}

export type Connect = (attempt: WireAttempt, handlers: WireHandlers) => Wire
