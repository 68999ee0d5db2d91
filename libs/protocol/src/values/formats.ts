import { jsonIn } from '@agentfleet/domain'
import type { z } from 'zod'
import type { Channel } from '../channels/channel.ts'
import { ServiceError } from '../errors.ts'
import { STREAMS, type StreamName } from '../streams.ts'
import { parseValue, requireParsed, unreadable, type Parsed } from './parsed.ts'

/**
 * The formats of stored items. Each item names its format, and each stream that of the newest item it may
 * hold; an item without one has format 1. A number is raised when an older release would misread the items of
 * a newer one; the older release then refuses or skips them, with a line that says what to do.
 *
 * A key of Redis that holds no JSON has its number in its name, such as `projection:2`; a key without one has
 * format 1. An older release does not see the keys of a newer one.
 */
export const FORMATS = {
  event: 1,
  pointer: 1,
  record: 1,
  definition: 1,
  schedule: 1,
  key: 1,
  audit: 1,
  'control-plane record': 1,
  ticket: 1,
} as const
/** A kind of stored items. */
export type StoredKind = keyof typeof FORMATS

/** The kind of items in each stream. */
export const STREAM_KINDS: Readonly<Record<StreamName, StoredKind>> = {
  [STREAMS.log]: 'event',
  [STREAMS.tasks]: 'pointer',
  [STREAMS.ops]: 'control-plane record',
  [STREAMS.agents]: 'definition',
  [STREAMS.schedules]: 'schedule',
  [STREAMS.keys]: 'key',
  [STREAMS.audit]: 'audit',
}

/** A channel whose messages a stream keeps. */
export type StoredChannel<T> = Pick<Channel<string, T>, 'body' | 'bytesMax'> & {
  readonly stream: StreamName
}

/** A stored item, with its format. */
export function toStored(item: object, kind: StoredKind): string {
  return `${JSON.stringify(item).slice(0, -1)},"format":${FORMATS[kind]}}`
}

/** Reads a message of a stream; never throws. A larger one than its channel allows is not parsed. */
export function parseItem<T>(channel: StoredChannel<T>, text: string): Parsed<T> {
  const { body, bytesMax, stream } = channel
  const bytes = Buffer.byteLength(text)
  if (bytes > bytesMax) return unreadable(`the text has ${bytes} bytes, more than ${bytesMax}`)
  return parseStored(text, STREAM_KINDS[stream], body.schema)
}

/** The same; throws the problem of an unreadable message. */
export function requireItem<T>(channel: StoredChannel<T>, text: string): T {
  return requireParsed(parseItem(channel, text))
}

/** Reads a stored item by a schema; never throws. */
export function parseStored<T>(text: string, kind: StoredKind, schema: z.ZodType<T>): Parsed<T> {
  const value = jsonIn(text)
  const problem = takeFormat(value, kind)
  return problem === undefined ? parseValue(value, schema) : { kind: 'unreadable', problem }
}

/** A parsed item without its format, which is changed; throws `newer-format` if this release cannot read it. */
export function withoutFormat(value: unknown, kind: StoredKind): unknown {
  const problem = takeFormat(value, kind)
  if (problem !== undefined) throw problem
  return value
}

/** Takes the format off an item; returns the problem of one that this release does not know. */
function takeFormat(value: unknown, kind: StoredKind): ServiceError | undefined {
  const item = value as { format?: unknown } | null
  if (item === null || typeof item !== 'object' || item.format === undefined) return undefined
  const problem = formatProblem(item.format, kind, `this ${kind}`)
  if (problem === undefined) delete item.format
  return problem
}

/** The problem of a format that this release does not know: `newer-format`, or `bad-message` if it is not a number. */
export function formatProblem(
  format: unknown,
  kind: StoredKind,
  what: string,
): ServiceError | undefined {
  const known = FORMATS[kind]
  if (typeof format !== 'number') {
    return unreadable(`${what} has a format that is not a number`).problem
  }
  if (format <= known) return undefined
  return new ServiceError(
    'newer-format',
    `${what} has the format ${format} and this release reads formats up to ${known}: start the release that stored it, or a newer one`,
  )
}
