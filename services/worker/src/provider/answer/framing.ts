import { StringDecoder } from 'node:string_decoder'
import { createParser } from 'eventsource-parser'
import { parseJson } from '../shape.ts'

/** Receives the parts of a body. */
interface FramingEvents {
  /** Called with the data and the name of one event, or with one JSON value. */
  onData(data: string, name: string | undefined): void
  /** Called when the body breaks the rules of its form; nothing follows. `said` is what it has instead. */
  onBroken(problem: 'too-large' | 'malformed', said: string): void
}

/** Marks and blanks around lines and bodies that say nothing. */
const LEADING_NOISE = /^[\s\p{Cc}\uFEFF]+/u
/** Characters of unreadable lines that are kept for the message of the failure. */
const SAID_MAX = 200

/**
 * Splits the bytes of a body into events; an event or a JSON body may have `charactersMax` characters.
 *
 * A body is an event stream, or JSON that a provider sends although a stream was requested: one
 * value, or objects that follow each other. The first character decides, because content types are often
 * wrong. Invariants: the end of the body loses nothing, with or without a blank line; no event and
 * no JSON body exceeds the limit; a comment counts only as a sign of life.
 */
export function createFraming(charactersMax: number, events: FramingEvents) {
  const decoder = new StringDecoder('utf8')
  let form: ReturnType<typeof eventForm | typeof jsonForm> | undefined
  let broken = false
  let whole = false

  const stop: Stop = (problem, said = '') => {
    if (broken) return
    broken = true
    events.onBroken(problem, said.slice(0, SAID_MAX))
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
      const start = text.replace(LEADING_NOISE, '')
      if (start === '') return
      form = /^[{["]/.test(start)
        ? jsonForm(charactersMax, stop, (values) => {
            whole = values.length === 1
            for (const value of values) hand(value)
          })
        : eventForm(charactersMax, hand, stop)
      form.push(start)
      return
    }
    form.push(text)
  }

  return {
    /** Whether the value that is passed on now is the whole body. */
    get whole() {
      return whole
    },
    /** Takes the next bytes; passes on what they complete before it returns. */
    push: (bytes: Uint8Array) => take(decoder.write(bytes)),
    /** Ends the body. */
    end() {
      take(decoder.end())
      if (!broken) form?.end()
    },
  }
}

type Stop = (problem: 'too-large' | 'malformed', said?: string) => void

type Hand = (data: string, name?: string) => void

function eventForm(charactersMax: number, onData: Hand, stop: Stop) {
  let events = 0
  let ignored = ''
  let strange = 0
  // The lines of JSON behind the field of its first line.
  let behind = ''
  const hear: Hand = (data, name) => {
    events += 1
    if (behind === '') return onData(data, name)
    const whole = `${data}${behind}`
    const said = behind
    behind = ''
    if (isJson(whole)) onData(whole, name)
    else stop('malformed', said)
  }
  const keep = (text: string): void => {
    behind += `\n${text}`
    if (behind.length <= charactersMax) return
    stop('too-large')
    throw new UnreadableBody()
  }
  const parser = createParser({
    maxBufferSize: charactersMax,
    onEvent: ({ data, event }) => hear(data, event),
    onError: ({ type, line = '' }) => {
      if (type === 'max-buffer-size-exceeded') stop('too-large')
      if (type !== 'unknown-field') return
      const text = line.replace(LEADING_NOISE, '')
      if (behind !== '') return keep(text)
      if (!/^(\{|data)/i.test(text)) strange += 1
      const allowed = STRANGE_LINES_MAX + STRANGE_LINES_EACH * events
      const data = LOOSE_DATA.exec(text)?.[1]
      // Servers write an error, or the end, without a field name.
      const error = LOOSE_ERROR.exec(text)?.[1]
      if (data !== undefined) hear(data)
      else if (error !== undefined) hear(error, 'error')
      else if (strange <= allowed && (isJson(text) || END_MARK.test(text))) {
        // It does not count as an event, because each event allows further lines.
        events ||= 1
        onData(text)
      }
      // The answer stands in JSON, so a line without a string has no piece of it.
      else if (text.includes('"') && strange <= allowed) keep(text)
      else if (strange > allowed) {
        stop('malformed', text)
        throw new UnreadableBody()
      } else if (ignored.length < SAID_MAX) ignored += `${text} `
    },
  })
  const push = (text: string): void => {
    try {
      parser.feed(text)
    } catch (error) {
      if (!(error instanceof UnreadableBody)) throw error
    }
  }
  return {
    push,
    end() {
      // Some providers omit the last blank line. The standard would drop such an event.
      push('\n\n')
      if (behind !== '') stop('malformed', behind.trim())
      if (events === 0 && ignored.trim() !== '') stop('malformed', ignored)
    },
  }
}

/** Ends the parser within its input: it spends microseconds on each line that it does not know. */
class UnreadableBody extends Error {}

/** Lines of a body without an event: a sign of life in each second of the longest call. */
const STRANGE_LINES_MAX = 1_000
/** Further lines for each event: fields that the standard does not know, sizes of chunks. */
const STRANGE_LINES_EACH = 8

/** The field `data` with an indentation, in capitals, or with another separator. */
const LOOSE_DATA = /^data\s{0,99}[:=]\s{0,99}((?:\S.*)?)$/is
/** An error in place of the field `data`. */
export const LOOSE_ERROR = /^\[?error\]?(?:\s{0,99}[:=]| )\s{0,99}((?:\S.*)?)$/i

function jsonForm(charactersMax: number, stop: Stop, onEnd: (values: readonly string[]) => void) {
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
      onEnd(isJson(text) ? [text] : objectsIn(text))
    },
  }
}

/** The mark for the end of a stream in its various forms; what follows is ignored. */
export const END_MARK =
  /^"?\[\s*(done|end|eof|eos|stop|finish(ed)?|completed?)\s*\]|^"?<?\/?(done|end|eof|finished)>?"?$/i
/** Gateways that wrap an event again leave the first field name in it. */
export const REPEATED_FIELD = /^(\s*data:)+/

/** Nearly every event is one JSON object on one line. */
function isOneObject(data: string): boolean {
  return data.startsWith('{') && !data.includes('\n')
}

/** Returns the values of one event: some senders put several into one. */
function valuesOf(data: string): readonly string[] {
  const text = data.replace(REPEATED_FIELD, '')
  return !text.includes('\n') || isJson(text) ? [text] : objectsIn(text)
}

/** The text between two objects: separators, and the brackets of a list that was cut. */
const BETWEEN = /^[\s\p{Cc},;[\]]*$/u

/**
 * Splits a text into the objects that follow each other in it, on lines or not, and the texts
 * between them. An object without an end is the last one.
 */
export function objectsIn(text: string): readonly string[] {
  const found: string[] = []
  let from = 0
  let depth = 0
  let inString = false
  const cut = (to: number): void => {
    const piece = text.slice(from, to).trim().replace(REPEATED_FIELD, '').trim()
    from = to
    if (!BETWEEN.test(piece)) found.push(piece)
  }
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at]
    if (inString && character === '\\') at += 1
    else if (character === '"' && depth > 0) inString = !inString
    else if (inString) continue
    else if (character === '{') {
      if (depth === 0) cut(at)
      depth += 1
    } else if (character === '}' && depth > 0) {
      depth -= 1
      if (depth === 0) cut(at + 1)
    }
  }
  cut(text.length)
  return found
}

function isJson(text: string): boolean {
  return parseJson(text) !== undefined
}
