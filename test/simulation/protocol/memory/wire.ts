import type { Process } from '../time/virtual-time.ts'

/** A message of the bus. */
export interface Wire {
  readonly subject: string
  readonly data: string
  readonly reply: string
  readonly headers: WireHeaders | undefined
  /** Where it is delivered, if not at its subject: the inbox of a reader. */
  readonly to?: string
}

/** Headers as the adapters read them. */
export interface WireHeaders {
  readonly code: number
  readonly description: string
  get(name: string): string
}

/** The fate of a message on its way. */
export interface Fate {
  readonly lost: boolean
  readonly twice: boolean
  readonly lateMs: number
}

/** Decides the fate of a message on its way. */
export type Network = (subject: string) => Fate

/** Called for every message that leaves its process. */
export type Heard = (process: Process, wire: Wire, fate: Fate) => void

/** A message without data whose code says what happened. */
export function statusTo(to: string, code: number, description: string): Wire {
  return { subject: to, data: '', reply: '', headers: { code, description, get: () => '' } }
}

/** An answer of the API. */
export function answerTo(to: string, value: object): Wire {
  return { subject: to, data: JSON.stringify(value), reply: '', headers: undefined }
}
