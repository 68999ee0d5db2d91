import { StringDecoder } from 'node:string_decoder'
import { createParser } from 'eventsource-parser'
import { parseJson } from './shape.ts'

/**
 * Splits the bytes of a body into events.
 *
 * A body is an event stream, or JSON that a provider sends although a stream was requested: one
 * object, or one object for each line. The first character decides, because content types are often
 * wrong. Invariants: the end of the body loses nothing, with or without a blank line; no event and
 * no JSON body exceeds the limit; a comment counts only as a sign of life.
 */
export interface Framing {
  /** Takes the next bytes; passes on what they complete before it returns. */
  push(bytes: Uint8Array): void
  /** Ends the body. */
  end(): void
}

/** Receives the parts of a body. */
export interface FramingEvents {
  /** Called with the data and the name of one event, or with one JSON value. */
  onData(data: string, name: string | undefined): void
  /** Called when the body breaks the rules of its form; nothing follows. */
  onBroken(problem: 'too-large' | 'malformed'): void
}

const BYTE_ORDER_MARK = '\uFEFF'

/** Creates the framing of one body; an event or a JSON body may have `charactersMax` characters. */
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
    else if (isOneObject(data)) events.onData(data, name)
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
    push: (bytes) => take(decoder.write(bytes)),
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
      // Servers write an error, or the end, without a field name.
      if (isJson(line) || END_MARK.test(line)) onData(line)
      // Any other line without a field name may contain a piece of the answer.
      else stop('malformed')
    },
  })
  return {
    push: (text: string) => parser.feed(text),
    // Some providers omit the last blank line. The standard would drop such an event.
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

/** The mark for the end of a stream in its various forms; what follows is ignored. */
export const END_MARK = /^"?\[done\]|^"?done"?$/i
/** Gateways that wrap an event again leave the first field name in it. */
const REPEATED_FIELD = /^(\s*data:)+/

/** Nearly every event is one JSON object on one line. */
function isOneObject(data: string): boolean {
  return data.startsWith('{') && !data.includes('\n')
}

/** Returns the values of one event: some senders put several into one, each on its line. */
function valuesOf(data: string): readonly string[] {
  const text = data.replace(REPEATED_FIELD, '')
  if (!text.includes('\n') || isJson(text)) return [text]
  const lines = text.split('\n').map((line) => line.replace(REPEATED_FIELD, '').trim())
  return lines.every((line) => line === '' || END_MARK.test(line) || isJson(line)) ? lines : [text]
}

function isJson(text: string): boolean {
  return parseJson(text) !== undefined
}
