import { createSlices } from './slices.ts'

/** A part of a text that is parsed at once: even with a new name in each object it takes two milliseconds, bytes. */
const PART_BYTES = 16 * 1024
/** Large containers that may lie in each other; each of them is a call on the stack. */
const LEVELS_MAX = 128

const QUOTE = 0x22
const COMMA = 0x2c
const BACKSLASH = 0x5c
const OPEN_LIST = 0x5b
const CLOSE_LIST = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const BYTE_ORDER_MARK = Buffer.from('\uFEFF')

/**
 * Parses a large JSON text of UTF-8, and lets other work of the process run between its parts: a megabyte of small
 * objects takes a tenth of a second at once. Throws a SyntaxError that says where the fault is, or what the functions
 * throw.
 */
export async function parseInSlices(text: Buffer, by: PartParser): Promise<unknown> {
  const marked = text.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK)
  const body = marked ? text.subarray(BYTE_ORDER_MARK.length) : text
  const root = afterBlanks(body, 0)
  const ends = largeContainers(body)
  const end = ends.get(root)
  // A small container with other text behind it, or a plain value: one look finds the fault.
  if (end === undefined) return by.parse(body.toString())
  const after = afterBlanks(body, end + 1)
  if (after < body.length) throw unexpected(body, after)
  return parseContainer({ body, ends, by, pause: createSlices() }, root)
}

/** What parses the parts of a text. */
export interface PartParser {
  /** Parses one part; it may refuse names that change objects. */
  parse(part: string): unknown
  /** Hears how many names an object has that is longer than a part; it may refuse the text. */
  names?(count: number): void
}

interface Parsing {
  readonly body: Buffer
  /** The ends of the large containers by their starts. */
  readonly ends: ReadonlyMap<number, number>
  readonly by: PartParser
  readonly pause: () => Promise<void>
}

/** Finds the lists and objects that are longer than a part. */
function largeContainers(body: Buffer): Map<number, number> {
  const ends = new Map<number, number>()
  const open: number[] = []
  for (let at = 0; at < body.length; at += 1) {
    const byte = body[at]
    if (byte === QUOTE) at = endOfString(body, at)
    else if (byte === OPEN_OBJECT || byte === OPEN_LIST) open.push(at)
    else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) {
      const start = open.pop()
      if (start === undefined) throw unexpected(body, at)
      if (at - start <= PART_BYTES) continue
      if ((byte === CLOSE_LIST) !== (body[start] === OPEN_LIST)) throw unexpected(body, at)
      if (open.length >= LEVELS_MAX) {
        throw new SyntaxError(`More than ${LEVELS_MAX} levels at byte ${start}`)
      }
      ends.set(start, at)
    }
  }
  if (open.length > 0) throw new SyntaxError('Unexpected end of JSON input')
  return ends
}

async function parseContainer(parsing: Parsing, start: number): Promise<object> {
  const { body, ends, by, pause } = parsing
  const end = ends.get(start)!
  const made = body[start] === OPEN_LIST ? [] : {}
  /** Where the members that are not parsed yet begin, and where the present member begins. */
  let from = start + 1
  let member = from
  let members = 0
  for (let at = from; at <= end; at += 1) {
    const byte = body[at]
    if (byte === QUOTE) at = endOfString(body, at)
    else if (byte === OPEN_OBJECT || byte === OPEN_LIST) {
      if (!ends.has(at)) {
        at = endOfSmall(body, at)
        continue
      }
      if (member > from) addMembers(parsing, made, from, member - 1)
      const place = placeOf(parsing, made, member, at)
      const value = await parseContainer(parsing, at)
      // Only both names together can change objects.
      if (place === 'constructor' && Object.hasOwn(value, 'prototype')) {
        by.parse('{"constructor":{"prototype":0}}')
      }
      ;(made as Record<PropertyKey, unknown>)[place] = value
      members += 1
      at = afterBlanks(body, ends.get(at)! + 1)
      if (at === end) break
      if (body[at] !== COMMA) throw unexpected(body, at)
      from = member = at + 1
    } else if (byte === COMMA || at === end) {
      member = at + 1
      members += 1
      if (at < end && at - from < PART_BYTES) continue
      addMembers(parsing, made, from, at)
      from = member
      await pause()
    }
  }
  if (!Array.isArray(made)) by.names?.(members)
  return made
}

/** Parses these members, and adds them to their container. */
function addMembers(parsing: Parsing, made: object, from: number, to: number): void {
  const { body, by } = parsing
  if (afterBlanks(body, from) >= to) throw unexpected(body, to)
  const text = body.toString('utf8', from, to)
  try {
    if (!Array.isArray(made)) Object.assign(made, by.parse(`{${text}}`))
    else for (const item of by.parse(`[${text}]`) as unknown[]) made.push(item)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    const { message } = error
    throw new SyntaxError(`${message} (in the part that begins at byte ${from})`, { cause: error })
  }
}

/** The name before a large member, or the index of a large item. */
function placeOf({ body, by }: Parsing, made: object, from: number, to: number): PropertyKey {
  const text = body.toString('utf8', from, to).trim()
  if (Array.isArray(made)) {
    if (text === '') return made.length
  } else if (text.endsWith(':')) {
    const [name] = Object.keys(by.parse(`{${text}null}`) as object)
    if (name !== undefined) return name
  }
  throw unexpected(body, to)
}

/** The place of the last quote of a string; the end of the text if there is none. */
function endOfString(body: Buffer, start: number): number {
  let at = start + 1
  while (at < body.length && body[at] !== QUOTE) at += body[at] === BACKSLASH ? 2 : 1
  return at
}

function endOfSmall(body: Buffer, start: number): number {
  let levels = 0
  for (let at = start; at < body.length; at += 1) {
    const byte = body[at]
    if (byte === QUOTE) at = endOfString(body, at)
    else if (byte === OPEN_OBJECT || byte === OPEN_LIST) levels += 1
    else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) levels -= 1
    if (levels === 0) return at
  }
  return body.length
}

function afterBlanks(body: Buffer, start: number): number {
  let at = start
  while (at < body.length && isBlank(body[at])) at += 1
  return at
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}

function unexpected(body: Buffer, at: number): SyntaxError {
  const found = at < body.length ? `token ${JSON.stringify(String.fromCharCode(body[at]!))}` : 'end'
  return new SyntaxError(`Unexpected ${found} in JSON at byte ${at}`)
}
