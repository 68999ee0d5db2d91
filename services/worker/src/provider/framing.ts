import { StringDecoder } from 'node:string_decoder'
import { createParser } from 'eventsource-parser'
import { parseJson } from './shape.ts'

/**
 * The first layer of an answer: bytes of a body become events.
 *
 * A body is either an event stream, or JSON that a provider sends although a stream was asked for: one
 * object, or one object a line. Its first character decides, since content types are often wrong.
 * Invariants: nothing is lost at the end of the body, with or without a blank line; no event and no body
 * of JSON is larger than the limit; a comment counts as a sign of life and as nothing else.
 */
export interface Framing {
  /** Takes the next bytes; what they complete is handed on before it returns. */
  push(bytes: Uint8Array): void
  /** The body is over. */
  end(): void
}

/** Receives what a body consists of. */
export interface FramingEvents {
  /** The data of one event with the name of its kind, or one JSON value. */
  onData(data: string, name: string | undefined): void
  /** The body breaks the rules of its form; nothing follows. */
  onBroken(problem: 'too-large' | 'malformed'): void
}

const BYTE_ORDER_MARK = '\uFEFF'

/** Reads one body; an event or a body of JSON may have `charactersMax` characters. */
export function createFraming(charactersMax: number, events: FramingEvents): Framing {
  const decoder = new StringDecoder('utf8')
  let form: (Pick<Framing, 'end'> & { push(text: string): void }) | undefined
  let broken = false

  const stop = (problem: 'too-large' | 'malformed'): void => {
    if (broken) return
    broken = true
    events.onBroken(problem)
  }
  const hand = (data: string, name?: string): void => {
    if (broken) return
    if (data.length > charactersMax) stop('too-large')
    else for (const value of valuesOf(data)) events.onData(value, name)
  }
  const take = (text: string): void => {
    if (broken || text === '') return
    if (form === undefined) {
      const start = (text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text).trimStart()
      if (start === '') return
      form = /^[{[]/.test(start)
        ? jsonForm(charactersMax, hand, stop)
        : eventForm(charactersMax, hand, stop)
      form.push(start)
      return
    }
    form.push(text)
  }

  return {
    push: (bytes) => take(decoder.write(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))),
    end() {
      take(decoder.end())
      if (!broken) form?.end()
    },
  }
}

type Stop = (problem: 'too-large' | 'malformed') => void

type Hand = (data: string, name?: string) => void

function eventForm(charactersMax: number, onData: Hand, stop: Stop) {
  const parser = createParser({
    maxBufferSize: charactersMax,
    onEvent: ({ data, event }) => onData(data, event),
    onError: ({ type, line = '' }) => {
      if (type === 'max-buffer-size-exceeded') stop('too-large')
      if (type !== 'unknown-field') return
      // Servers write an error, or the end, without a field in front of it.
      if (isJson(line) || END_MARK.test(line)) onData(line)
      // Any other line that is no field: a piece of the answer may be in it.
      else stop('malformed')
    },
  })
  return {
    push: (text: string) => parser.feed(text),
    // Some providers leave the last blank line out. The standard drops such an event; its sender did not.
    end: () => parser.feed('\n\n'),
  }
}

function jsonForm(charactersMax: number, onData: Hand, stop: Stop) {
  const pieces: string[] = []
  let characters = 0
  return {
    push(text: string) {
      pieces.push(text)
      characters += text.length
      if (characters > charactersMax) stop('too-large')
    },
    end() {
      const text = pieces.join('').trim()
      if (isJson(text)) onData(text)
      else for (const line of text.split('\n')) if (line.trim() !== '') onData(line.trim())
    },
  }
}

/** Stands for the end of a stream, however it is written; nothing counts behind it. */
export const END_MARK = /^"?\[done\]|^"?done"?$/i
/** Gateways that frame an event once more leave the first frame in it. */
const REPEATED_FIELD = /^(\s*data:)+/

/** The values of one event: some senders put several into one, each on its line. */
function valuesOf(data: string): readonly string[] {
  const text = data.replace(REPEATED_FIELD, '')
  if (!text.includes('\n') || isJson(text)) return [text]
  const lines = text.split('\n').map((line) => line.replace(REPEATED_FIELD, '').trim())
  return lines.every((line) => line === '' || END_MARK.test(line) || isJson(line)) ? lines : [text]
}

function isJson(text: string): boolean {
  return parseJson(text) !== undefined
}
