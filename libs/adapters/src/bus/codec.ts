import { jsonIn } from '@agentfleet/domain'
import { reasonOf, type Issues, type Shape } from '@agentfleet/protocol'

/**
 * Messages as text: read by their schema, written within a size.
 *
 * Invariants: a readable message is parsed once; an unreadable item becomes `undefined` and never holds up
 * its neighbours; a body that is written as several messages keeps its order.
 */

/** The result of reading a received text. */
export type Read<T> =
  | { readonly kind: 'read'; readonly body: T; readonly unreadable: readonly Unreadable[] }
  | { readonly kind: 'refused'; readonly reason: string }

/** An item that was left out. */
interface Unreadable {
  readonly at: number
  readonly reason: string
}

const NONE: readonly Unreadable[] = []

/** Parses JSON; an empty text is an empty message; undefined if it is not JSON. */
export function parseJson(text: string): unknown {
  return text === '' ? {} : jsonIn(text)
}

/** Reads a message by its channel's shape. */
export function read<T>({ schema, items }: Shape<T>, value: unknown): Read<T> {
  const whole = schema.safeParse(value)
  if (whole.success) return { kind: 'read', body: whole.data, unreadable: NONE }
  const given = items === undefined ? undefined : fieldOf(value, items.field)
  if (items === undefined || !Array.isArray(given)) return refused(whole.error)
  const unreadable: Unreadable[] = []
  const kept = given.map((item: unknown, at) => {
    const { error } = items.schema.safeParse(item)
    if (error === undefined) return item
    unreadable.push({ at, reason: reasonOf(error) })
    return undefined
  })
  const rest = schema.safeParse({ ...(value as object), [items.field]: kept })
  return rest.success ? { kind: 'read', body: rest.data, unreadable } : refused(rest.error)
}

function refused(error: Issues): { readonly kind: 'refused'; readonly reason: string } {
  return { kind: 'refused', reason: reasonOf(error) }
}

function fieldOf(value: unknown, field: string): unknown {
  return typeof value === 'object' && value !== null
    ? (value as Readonly<Record<string, unknown>>)[field]
    : undefined
}

/** A message ready to be sent: some of the items, or the whole body if it has no items. */
export class Packed {
  readonly text: string
  /** Position of the first item, and how many there are. */
  readonly first: number
  readonly count: number

  constructor(text: string, first: number, count: number) {
    this.text = text
    this.first = first
    this.count = count
  }
}

/** How an answer is written: missing items and parts are marked. */
export interface AsAnswer {
  /** Largest message of the server, bytes. */
  readonly payloadMax: number
  /** The item at this position exceeds that size; its place stays empty. */
  readonly lost: (at: number, length: number) => void
}

/**
 * Writes a body as messages of at most `bytesMax`. A larger item gets its own message. If an answer takes
 * several messages, each names its part of the whole.
 */
export function pack(
  { items }: Shape<unknown>,
  body: object,
  bytesMax: number,
  answer?: AsAnswer,
): readonly Packed[] {
  if (items === undefined) return [new Packed(JSON.stringify(body), 0, 1)]
  // Nearly every message fits: it is written at once, and its items are not measured one by one.
  const whole = JSON.stringify(body)
  if (fitsInto(whole, Math.min(bytesMax, answer?.payloadMax ?? bytesMax))) {
    return [new Packed(whole, 0, (fieldOf(body, items.field) as readonly unknown[]).length)]
  }
  const { [items.field]: given, ...envelope } = body as Readonly<Record<string, unknown>>
  const head = JSON.stringify(envelope)
  const frame = Buffer.byteLength(head) + FRAME_BYTES
  const texts = (given as readonly unknown[]).map((item, at) => {
    const text = JSON.stringify(item) ?? EMPTY
    if (answer === undefined || Buffer.byteLength(text) + frame <= answer.payloadMax) return text
    answer.lost(at, text.length)
    return EMPTY
  })
  const runs = runsOf(texts, bytesMax - frame)
  return runs.map(({ first, count }) => {
    const part = { from: first, of: texts.length }
    const said =
      answer !== undefined && runs.length > 1 ? JSON.stringify({ ...envelope, part }) : head
    const list = texts.slice(first, first + count).join(',')
    const comma = said === '{}' ? '' : ','
    const text = `${said.slice(0, -1)}${comma}${JSON.stringify(items.field)}:[${list}]}`
    return new Packed(text, first, count)
  })
}

/** Stands in the place of a missing item. */
const EMPTY = 'null'
/** Brackets, the name of the field and the mark of a part, bytes. */
const FRAME_BYTES = 256
/** Bytes of UTF-8 that one character of a string takes at most. */
export const BYTES_PER_CHAR_MAX = 3

/** Whether a text has at most so many bytes; most texts are so short that their size need not be measured. */
export function fitsInto(text: string, bytesMax: number): boolean {
  return text.length * BYTES_PER_CHAR_MAX <= bytesMax || Buffer.byteLength(text) <= bytesMax
}

function runsOf(texts: readonly string[], bytesMax: number): { first: number; count: number }[] {
  const runs = [{ first: 0, count: 0 }]
  let run = runs[0]!
  let bytes = 0
  for (const [at, text] of texts.entries()) {
    const size = Buffer.byteLength(text) + 1
    if (run.count > 0 && bytes + size > bytesMax) {
      run = { first: at, count: 0 }
      runs.push(run)
      bytes = 0
    }
    run.count += 1
    bytes += size
  }
  return runs
}

/** Which part of a whole a message is, if it names one. */
export function partOf(value: unknown): { readonly from: number; readonly of: number } | undefined {
  const part = fieldOf(value, 'part')
  const from = fieldOf(part, 'from')
  const of = fieldOf(part, 'of')
  return typeof from === 'number' && typeof of === 'number' ? { from, of } : undefined
}

/** Writes a refusal in place of an answer. */
export interface Refused {
  readonly code: string
  readonly message: string
}

/** The text of a refusal. */
export function refusalText(refusal: Refused): string {
  return JSON.stringify({ refused: refusal })
}

/** The refusal that an answer is, if it is one. */
export function refusalIn(value: unknown): Refused | undefined {
  const refusal = fieldOf(value, 'refused')
  const code = fieldOf(refusal, 'code')
  const message = fieldOf(refusal, 'message')
  return typeof code === 'string' && typeof message === 'string' ? { code, message } : undefined
}
