import type { Channel, Shape } from '@agentfleet/protocol'
import { fitsInto, parseJson, partOf, read, refusalIn, type Read, type Refused } from './codec.ts'
import type { Ended } from './wire.ts'
import type { Tally } from './tally.ts'

/** How a request ended. */
export type Answer<R> =
  | { readonly kind: 'reply'; readonly body: R }
  | { readonly kind: 'no-responders' }
  | { readonly kind: 'timeout' }
  /** The listener refused the request, or its answer is unreadable. */
  | ({ readonly kind: 'refused' } & Refused)
  /** The request exceeds one message; it was not sent. */
  | { readonly kind: 'too-large' }

/** Why an answer cannot be read. */
export const UNREADABLE = 'not JSON, or too large'
/** No answer has more items; a message that announces more is treated as unreadable. */
const ITEMS_MAX = 65_536

/**
 * Collects an answer, which may arrive in parts. Invariant: a lost or unreadable part leaves its items
 * undefined; at the timeout the parts received so far are kept.
 */
export function createCollector(channel: Channel, tally: Tally) {
  const reply = channel.reply as Shape<unknown>
  const field = reply.items?.field
  let answer: Answer<unknown> | undefined
  let envelope: object | undefined
  let items: unknown[] = []
  let missing = 0

  const settle = (value: unknown): Answer<unknown> => {
    const result = readReply(channel, value, tally)
    if (result.kind === 'read') return { kind: 'reply', body: result.body }
    return { kind: 'refused', code: 'bad-reply', message: result.reason }
  }
  const takePart = (value: object, from: number, of: number, name: string): boolean => {
    const given = (value as Readonly<Record<string, unknown>>)[name]
    const fits = isPlace(from) && isPlace(of) && of <= ITEMS_MAX
    if (!Array.isArray(given) || !fits || from + given.length > of) return false
    if (envelope === undefined) {
      envelope = value
      items = Array.from({ length: of })
      missing = of
    }
    for (const [offset, item] of given.entries()) items[from + offset] = item
    missing -= given.length
    if (missing > 0) return false
    answer = settle({ ...envelope, [name]: items })
    return true
  }

  return {
    /** True when the answer is complete. */
    take(text: string): boolean {
      const value = fitsInto(text, channel.replyBytesMax ?? 0) ? parseJson(text) : undefined
      if (value === undefined) {
        tally.refused(channel, 'answer', UNREADABLE)
        answer = { kind: 'refused', code: 'bad-reply', message: UNREADABLE }
        return true
      }
      const refusal = refusalIn(value)
      if (refusal !== undefined) {
        answer = { kind: 'refused', ...refusal }
        return true
      }
      const part = partOf(value)
      if (part !== undefined && field !== undefined) {
        return takePart(value as object, part.from, part.of, field)
      }
      answer = settle(value)
      return true
    },
    answer({ kind }: Ended): Answer<unknown> {
      if (answer !== undefined) return answer
      if (kind === 'timeout' && envelope !== undefined && field !== undefined) {
        return settle({ ...envelope, [field]: items })
      }
      return { kind: kind === 'answered' ? 'timeout' : kind }
    },
  }
}

function isPlace(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}

/** Reads one answer by the channel's shape; faults are counted. */
export function readReply(channel: Channel, value: unknown, tally: Tally): Read<unknown> {
  const result = read(channel.reply as Shape<unknown>, value)
  if (result.kind === 'refused') tally.refused(channel, 'answer', result.reason)
  else for (const { at, reason } of result.unreadable) tally.item(channel, 'answer', at, reason)
  return result
}
