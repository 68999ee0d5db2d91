import { jsonIn } from '@agentfleet/domain'
import { describeIssue } from '@agentfleet/protocol'
import { z } from 'zod'

/** The most task ids in one frame, and the most subscriptions of one connection. */
export const SUBSCRIPTIONS_MAX = 1_000
/** Task ids are UUIDs; a longer text cannot be one. */
const ID_CHARS_MAX = 128

/** The fields of the largest frame, and some that are misspelt. */
const FIELDS_MAX = 8

/**
 * The entries are checked up to the first wrong one: a frame has room for thousands, and to describe all of them
 * would take half a second.
 */
const taskIds = z
  .array(z.unknown())
  .min(1)
  .max(SUBSCRIPTIONS_MAX)
  .superRefine((ids, context) => {
    const wrong = ids.findIndex((id) => typeof id !== 'string' || id.length > ID_CHARS_MAX)
    if (wrong === -1) return
    const message = `must be a text of at most ${ID_CHARS_MAX} characters`
    context.addIssue({ code: 'custom', path: [wrong], message })
  })
  .transform((ids) => ids as string[])
/** One sequence number for all tasks, or one for each task. */
type After = number | Readonly<Record<string, number>>
const after = z.custom<After>((value) => isSequence(value) || areSequences(value), {
  message: `must be a sequence number (an integer from 0 on), or an object with at most ${SUBSCRIPTIONS_MAX} task ids and their sequence numbers`,
})

function isSequence(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function areSequences(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const numbers = Object.values(value)
  return numbers.length <= SUBSCRIPTIONS_MAX && numbers.every(isSequence)
}

const fleet = z
  .array(z.enum(['decisions', 'incidents', 'nodes']))
  .min(1)
  .max(3)
const [subscribe, unsubscribe] = [z.literal('subscribe'), z.literal('unsubscribe')]
const deltas = z.boolean().default(false)
const ASKS = {
  subscribe: z.strictObject({ type: subscribe, taskIds, after: after.default(0), deltas }),
  subscribeAll: z.strictObject({ type: subscribe, all: z.literal(true) }),
  subscribeFleet: z.strictObject({ type: subscribe, fleet }),
  subscribeStats: z.strictObject({ type: subscribe, stats: z.literal(true) }),
  unsubscribe: z.strictObject({ type: unsubscribe, taskIds }),
  unsubscribeFleet: z.strictObject({ type: unsubscribe, fleet }),
  unsubscribeStats: z.strictObject({ type: unsubscribe, stats: z.literal(true) }),
  ping: z.strictObject({ type: z.literal('ping') }),
}

/** A valid request of a client. */
export type Ask = z.output<(typeof ASKS)[keyof typeof ASKS]>

/** A frame of a client, or a description of its error. */
type ParsedFrame =
  | { readonly kind: 'ask'; readonly ask: Ask }
  | { readonly kind: 'bad'; readonly detail: string }

/** Parses one frame of a client. */
export function parseFrame(text: string): ParsedFrame {
  const value = jsonIn(text)
  if (value === null || typeof value !== 'object') {
    return bad('Send one JSON object in each text frame.')
  }
  if (Object.keys(value).length > FIELDS_MAX) {
    return bad(`Send a frame with at most ${FIELDS_MAX} fields.`)
  }
  const schema = schemaFor(value)
  if (schema === undefined) return bad('Send a frame with the type subscribe, unsubscribe or ping.')
  const parsed = schema.safeParse(value, { error: describeIssue })
  if (parsed.success) return { kind: 'ask', ask: parsed.data }
  const [issue] = parsed.error.issues
  const path = issue?.path.map(String).join('/') ?? ''
  return bad(
    `Correct the frame: ${path === '' ? '' : `/${path} `}${issue?.message ?? 'it is not valid'}.`,
  )
}

/** Returns the sequence after which the client wants events of this task. */
export function afterOf(after: After, taskId: string): number {
  if (typeof after === 'number') return after
  // An id may be the name of something that every object has.
  return Object.hasOwn(after, taskId) ? (after[taskId] ?? 0) : 0
}

function schemaFor(frame: object): z.ZodType<Ask> | undefined {
  const { type } = frame as { type?: unknown }
  if (type === 'subscribe') {
    if ('fleet' in frame) return ASKS.subscribeFleet
    if ('stats' in frame) return ASKS.subscribeStats
    return 'all' in frame ? ASKS.subscribeAll : ASKS.subscribe
  }
  if (type === 'unsubscribe') {
    if ('stats' in frame) return ASKS.unsubscribeStats
    return 'fleet' in frame ? ASKS.unsubscribeFleet : ASKS.unsubscribe
  }
  return type === 'ping' ? ASKS.ping : undefined
}

function bad(detail: string): ParsedFrame {
  return { kind: 'bad', detail }
}
