import type { Process } from '../time/virtual-time.ts'

/** A message of the bus. */
export interface Wire {
  readonly subject: string
  readonly data: string
  readonly reply: string
  readonly headers: WireHeaders | undefined
  /** Where it is delivered, when that is not its subject: the inbox of a reader. */
  readonly to?: string
}

/** Headers as the adapters read them. */
export interface WireHeaders {
  readonly code: number
  readonly description: string
  get(name: string): string
}

/** What happens to a message on its way. */
export interface Fate {
  readonly lost: boolean
  readonly twice: boolean
  readonly lateMs: number
}

/** Decides what happens to a message on its way. */
export type Network = (subject: string) => Fate

/** Hears of every message as it leaves its process. */
export type Heard = (process: Process, wire: Wire, fate: Fate) => void

/** A message without data that says by its code what happened. */
export function statusTo(to: string, code: number, description: string): Wire {
  return { subject: to, data: '', reply: '', headers: { code, description, get: () => '' } }
}

/** An answer of the API. */
export function answerTo(to: string, value: object): Wire {
  return { subject: to, data: JSON.stringify(value), reply: '', headers: undefined }
}
