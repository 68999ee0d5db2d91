import {
  filledIn,
  mayAnswer,
  nodeIdIn,
  type Channel,
  type Params,
  type Shape,
  type Where,
} from '@agentfleet/protocol'
import type { Logger } from '@agentfleet/runtime'
import { createCollector, readReply, UNREADABLE, type Answer } from './answers.ts'
import {
  fitsInto,
  pack,
  Packed,
  type AsAnswer,
  parseJson,
  read,
  refusalIn,
  refusalText,
  type Read,
} from './codec.ts'
import { createTally, type ChannelFigures } from './tally.ts'
import type { BusMessage, Wire } from './wire.ts'

/**
 * Channels over the wire: JSON and schemas in one place, with one behaviour for every fault.
 *
 * Invariants: an unreadable message is counted by its channel, logged at a limited rate and reaches no
 * handler; a request that is unreadable, or whose handler fails, is answered with a refusal; an answer goes only to
 * an inbox of a process that may ask; this process neither sends nor reads a message that is larger than its channel
 * allows or the server accepts (L7).
 */
export interface Channels {
  /** Handles the messages of a channel until closed. */
  on<C extends Channel>(channel: C, handler: Handler<C>, options?: OnOptions<C>): Listening
  /** Sends a hint, in several messages if its items need them; false: too large, not sent. */
  send<C extends Channel & { readonly kind: 'event' }>(
    channel: C,
    body: BodyOf<C>,
    ...where: Where<C>
  ): boolean
  /** Asks one listener; never rejects, a broken connection appears as `timeout`. */
  ask<C extends Channel & { readonly kind: 'request' }>(
    channel: C,
    body: BodyOf<C> | Packed,
    withinMs: number,
    ...where: Where<C>
  ): Promise<Answer<ReplyOf<C>>>
  /** Every readable answer that arrives within `waitMs`. */
  gather<C extends Channel & { readonly kind: 'question' }>(
    channel: C,
    body: BodyOf<C>,
    waitMs: number,
    ...where: Where<C>
  ): Promise<ReplyOf<C>[]>
  /** Writes the items of a body as messages of bounded size, in their order. */
  pack<C extends Channel>(channel: C, body: BodyOf<C>): readonly Packed[]
  /** Message counts since the start, by channel. */
  figures(): readonly ChannelFigures[]
}

/** Something that can be closed. */
export interface Listening {
  close(): void
}

type BodyOf<C> = C extends { readonly body: Shape<infer B> } ? B : never
type ReplyOf<C> = C extends { readonly reply: Shape<infer R> } ? R : never

/**
 * Handles a message. The answer to a request is the returned value; a question that may stay unanswered is
 * answered only if the value is defined.
 */
type Handler<C> = C extends { readonly kind: 'request' }
  ? (body: BodyOf<C>, message: BusMessage) => ReplyOf<C> | Promise<ReplyOf<C>>
  : C extends { readonly kind: 'question' }
    ? (body: BodyOf<C>, message: BusMessage) => ReplyOf<C> | undefined
    : (body: BodyOf<C>, message: BusMessage) => void
type AnyHandler = (body: unknown, message: BusMessage) => unknown

/** Which messages of a channel to receive. */
interface OnOptions<C> {
  /** Parameters of the subject; without them, messages with any parameters. */
  readonly where?: C extends { readonly subject: infer S extends string }
    ? Partial<Params<S>>
    : never
  /** Called before a message is parsed. */
  readonly wanted?: (message: BusMessage) => boolean
}

/** A message with several items stays below this; a single item may be larger, bytes. */
const MESSAGE_BYTES = 1024 * 1024

/** The answers to one question together: some thousand nodes answer with some kB each, bytes. */
const GATHERED_MAX_BYTES = 32 * 1024 * 1024
const TOO_LARGE = { kind: 'too-large' } as const

/** Opens the channels over a connection. */
export function createChannels(wire: Wire, log: Logger): Channels {
  const tally = createTally(log)
  const packed = (shape: Shape<unknown>, body: unknown, answer?: AsAnswer): readonly Packed[] =>
    pack(shape, body as object, Math.min(MESSAGE_BYTES, wire.payloadMax()), answer)
  /** The largest message of a channel that its receiver reads and the server accepts, bytes. */
  const largest = ({ bytesMax }: Channel): number => Math.min(bytesMax, wire.payloadMax())
  const largestAnswer = ({ replyBytesMax = 0 }: Channel): number =>
    Math.min(replyBytesMax, wire.payloadMax())
  const publish = (channel: Channel, subject: string, text: string): boolean =>
    fitsInto(text, largest(channel)) && wire.publish(subject, text)

  const refuse = ({ reply }: Channel, message: BusMessage, code: string, reason: string): void => {
    if (reply !== undefined) message.respond(refusalText({ code, message: reason }))
  }
  const respond = (channel: Channel, message: BusMessage, answer: unknown): void => {
    const { reply } = channel
    if (reply === undefined || answer === undefined) return
    const lost = (_: number, length: number): void => tally.tooLarge(channel, length)
    const payloadMax = largestAnswer(channel)
    for (const { text } of packed(reply, answer, { payloadMax, lost })) {
      if (fitsInto(text, payloadMax) && message.respond(text)) continue
      tally.tooLarge(channel, text.length)
      refuse(
        channel,
        message,
        'reply-too-large',
        'the answer is larger than any answer of this channel may be',
      )
    }
  }
  const failed = (channel: Channel, message: BusMessage, error: unknown): void => {
    tally.failed(channel, message.subject, error)
    refuse(channel, message, 'handler-failed', 'the handler of the request failed')
  }
  const receive = (channel: Channel, message: BusMessage, handler: AnyHandler): void => {
    tally.received(channel)
    const { reply, subject } = message
    if (reply !== '' && channel.reply !== undefined && !mayAnswer(channel, reply)) {
      tally.refused(
        channel,
        subject,
        'the answer would go to a subject that is not an inbox of its sender',
      )
      return
    }
    const result = readBody(channel, message)
    if (result.kind === 'refused') {
      tally.refused(channel, message.subject, result.reason)
      refuse(channel, message, 'bad-message', result.reason)
      return
    }
    for (const { at, reason } of result.unreadable) tally.item(channel, message.subject, at, reason)
    try {
      const answer = handler(result.body, message)
      if (answer instanceof Promise) {
        answer
          .then((given: unknown) => respond(channel, message, given))
          .catch((error: unknown) => failed(channel, message, error))
      } else respond(channel, message, answer)
    } catch (error) {
      failed(channel, message, error)
    }
  }

  return {
    figures: tally.figures,
    pack: (channel, body) => packed(channel.body, body),
    on: (channel, handler, { where, wanted } = {}) =>
      wire.subscribe(
        filledIn(channel.subject, where),
        (message) => {
          if (wanted?.(message) !== false) receive(channel, message, handler)
        },
        channel.queue === undefined ? {} : { queue: channel.queue },
      ),
    send(channel, body, ...where) {
      const subject = addressOf(channel, where)
      const text = JSON.stringify(body)
      tally.sent(channel)
      if (publish(channel, subject, text)) return true
      const parts = channel.body.items === undefined ? [] : packed(channel.body, body)
      const lost = parts.filter((part) => !publish(channel, subject, part.text))
      if (parts.length > 0 && lost.length === 0) return true
      tally.tooLarge(channel, text.length)
      return false
    },
    async ask(channel, body, withinMs, ...where) {
      const text = body instanceof Packed ? body.text : JSON.stringify(body)
      const collector = createCollector(channel, tally)
      tally.sent(channel)
      const subject = addressOf(channel, where)
      const ended = fitsInto(text, largest(channel))
        ? await wire.collect(subject, text, withinMs, collector.take)
        : TOO_LARGE
      if (ended.kind === 'too-large') tally.tooLarge(channel, text.length)
      return collector.answer(ended) as Answer<never>
    },
    async gather(channel, body, waitMs, ...where) {
      const answers: unknown[] = []
      tally.sent(channel)
      const subject = addressOf(channel, where)
      let bytes = 0
      await wire.collect(subject, JSON.stringify(body), waitMs, (text) => {
        bytes += text.length
        // A listener that answers without end costs no more than this.
        if (bytes > GATHERED_MAX_BYTES) {
          tally.refused(
            channel,
            'answer',
            `the answers together exceed ${GATHERED_MAX_BYTES} bytes`,
          )
          return true
        }
        const value = fitsInto(text, largestAnswer(channel)) ? parseJson(text) : undefined
        if (value === undefined) tally.refused(channel, 'answer', UNREADABLE)
        else if (refusalIn(value) === undefined) {
          const result = readReply(channel, value, tally)
          if (result.kind === 'read') answers.push(result.body)
        }
        return false
      })
      return answers as never[]
    },
  }
}

function readBody(channel: Channel, message: BusMessage): Read<unknown> {
  const { bytes } = message
  // Before it is parsed: a message that is too large costs its receiver nothing.
  if (bytes > channel.bytesMax) {
    return { kind: 'refused', reason: `${bytes} bytes, more than ${channel.bytesMax}` }
  }
  const value = parseJson(message.text())
  if (value === undefined) return { kind: 'refused', reason: 'not JSON' }
  const result = read(channel.body, value)
  if (result.kind === 'refused' || channel.ownNode !== 'sender') return result
  const { nodeId } = result.body as { readonly nodeId?: unknown }
  const own = nodeId === nodeIdIn(channel, message.subject)
  return own
    ? result
    : { kind: 'refused', reason: 'the message and its subject have different node ids' }
}

function addressOf({ subject }: Channel, [params]: readonly Readonly<Record<string, string>>[]) {
  return filledIn(subject, params)
}
