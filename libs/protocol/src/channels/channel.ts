import type { z } from 'zod'
import type { ServiceName } from '../services.ts'
import type { StreamName } from '../streams.ts'

/**
 * A channel: one subject, the shapes of its messages, and the services that may send and receive them. Bus,
 * permissions, reference and metrics all follow from the declarations.
 *
 * `event`: a hint to all listeners, or to one process if it has a `queue` (L6). `request`: one
 * listener answers. `question`: each listener may answer. `stream`: stored by JetStream; readers use its API.
 */
export type ChannelKind = 'event' | 'request' | 'question' | 'stream'

/** Items within a message, each of them parsed separately. */
export interface Items {
  /** The field of the message that holds the items, in their order. */
  readonly field: string
  /** One item; the field's schema accepts `undefined` in place of an unreadable one. */
  readonly schema: z.ZodType
}

/** The shape of a message. Unknown fields are dropped, so that a newer sender breaks no older receiver. */
export interface Shape<T> {
  readonly schema: z.ZodType<T>
  readonly items?: Items
}

/** One channel of the bus. */
export interface Channel<S extends string = string, B = unknown, R = unknown> {
  readonly name: string
  readonly kind: ChannelKind
  /** The subject; parts such as `{nodeId}` are parameters. */
  readonly subject: S
  /** Its purpose, in one sentence. */
  readonly summary: string
  readonly body: Shape<B>
  /** The answer; events and streams have none. */
  readonly reply?: Shape<R>
  readonly senders: readonly ServiceName[]
  readonly listeners: readonly ServiceName[]
  /**
   * Whose own id the parameter is: a `sender` sends for its own node only, a `listener` receives only
   * messages for its own node.
   */
  readonly ownNode?: 'sender' | 'listener'
  /** Each message is delivered to one process of this group. */
  readonly queue?: string
  /** The stream that stores it. */
  readonly stream?: StreamName
  /** A larger message is neither sent nor read, bytes. */
  readonly bytesMax: number
  /** The same for an answer. */
  readonly replyBytesMax?: number
  /** Raised by a change that older releases would misunderstand. */
  readonly version: number
}

type ParamName<S extends string> = S extends `${string}{${infer Name}}${infer Rest}`
  ? Name | ParamName<Rest>
  : never
/** The parameters of a subject. */
export type Params<S extends string> = { readonly [Name in ParamName<S>]: string }
/** The parameters of the subject as the last arguments; a subject without parameters adds no argument. */
export type Where<C> = C extends { readonly subject: infer S extends string }
  ? [ParamName<S>] extends [never]
    ? []
    : [params: Params<S>]
  : never

type Declaration<S extends string, B> = Omit<
  Channel<S, B, never>,
  'name' | 'kind' | 'body' | 'reply' | 'replyBytesMax' | 'version'
> & {
  readonly body: z.ZodType<B>
  readonly items?: Items
  /** 1 if it is left out. */
  readonly version?: number
}

const shape = <T>(schema: z.ZodType<T>, items: Items | undefined): Shape<T> =>
  items === undefined ? { schema } : { schema, items }

/** A hint. */
export function event<const S extends string, B>(name: string, declared: Declaration<S, B>) {
  const { body, items, ...rest } = declared
  return { name, version: 1, ...rest, kind: 'event' as const, body: shape(body, items) }
}

/** For the bounds of messages, bytes. */
export const KIB = 1_024
/** For the bounds of large messages, bytes. */
export const MIB = 1_024 * KIB

type Answering<S extends string, B, R> = Declaration<S, B> & {
  readonly replyBytesMax: number
  readonly reply: z.ZodType<R>
  readonly replyItems?: Items
}

/** A request that one listener answers. */
export function request<const S extends string, B, R>(name: string, declared: Answering<S, B, R>) {
  const { body, items, reply, replyItems, ...rest } = declared
  const shapes = { body: shape(body, items), reply: shape(reply, replyItems) }
  return { name, version: 1, ...rest, kind: 'request' as const, ...shapes }
}

/** A question that each listener may answer. */
export function question<const S extends string, B, R>(name: string, declared: Answering<S, B, R>) {
  return { ...request(name, declared), kind: 'question' as const }
}

/** Messages that a stream keeps. */
export function stored<const S extends string, B>(
  name: string,
  declared: Omit<Declaration<S, B>, 'listeners' | 'items'> & { readonly stream: StreamName },
) {
  const { body: schema, ...rest } = declared
  const body = shape(schema, undefined)
  return { name, version: 1, ...rest, kind: 'stream' as const, listeners: [], body }
}

/** The subject with these parameters. */
export function subjectOf<S extends string>(
  { subject }: Pick<Channel<S>, 'subject'>,
  params: Params<S>,
): string {
  return filledIn(subject, params)
}

/** The subject with a wildcard for each missing parameter. */
export function filledIn(
  subject: string,
  params: Readonly<Record<string, string | undefined>> = {},
): string {
  const from = subject.indexOf('{')
  if (from === -1) return subject
  const to = subject.indexOf('}', from)
  const value = params[subject.slice(from + 1, to)] ?? '*'
  return subject.slice(0, from) + value + filledIn(subject.slice(to + 1), params)
}

/** The id of the node in a subject of this channel. */
export function nodeIdIn(channel: Pick<Channel, 'subject'>, subject: string): string {
  const place = channel.subject.split('.').indexOf('{nodeId}')
  return subject.split('.')[place] ?? ''
}
