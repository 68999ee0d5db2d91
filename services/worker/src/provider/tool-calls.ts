import { createHash } from 'node:crypto'
import type { Json } from '@agentfleet/domain'
import type { ToolCall } from '../run/conversation.ts'
import { isRecord, isShallow, parseJson, textOf, wellFormed, wordOf } from './shape.ts'

/**
 * Assembles the tool calls of a streamed answer.
 *
 * Providers omit the index, count from 1, repeat the name or the id in each piece, give one index
 * to several calls, or send the arguments as an object. Index and id together decide to which call
 * a piece belongs; name and arguments are determined at the end from all pieces. Invariants: every
 * call has an id that is unique within the answer; arguments are a text.
 */
export interface ToolCallPieces {
  readonly size: number
  /** Adds one piece; returns its number of characters. */
  add(piece: unknown): number
  /** Returns the calls in the order in which they began. */
  calls(offered: readonly string[], idSeed: string): ToolCall[]
}

interface Draft {
  readonly index: string | undefined
  id: string
  readonly names: string[]
  readonly arguments: string[]
  /** Arguments that arrived as objects. */
  readonly objects: Record<string, unknown>[]
  extra: Json | undefined
}

/** Creates a collection without pieces. */
export function createToolCalls(): ToolCallPieces {
  const drafts: Draft[] = []
  return {
    get size() {
      return drafts.length
    },
    add(piece) {
      if (!isRecord(piece)) return 0
      const fn = isRecord(piece['function']) ? piece['function'] : piece
      const name = textOf(fn['name']) ?? ''
      const id = wordOf(piece['id']) ?? ''
      const given = fn['arguments'] ?? fn['input'] ?? fn['parameters']
      const extra = piece['extra_content']
      if (!isShallow(given) || !isShallow(extra)) throw new RangeError('nested too deep')
      const args = argumentsText(given)
      const draft = draftOf(drafts, wordOf(piece['index']), id, name)
      if (draft.id === '') draft.id = id
      if (name !== '') draft.names.push(name)
      if (args !== '') draft.arguments.push(args)
      if (isRecord(given)) draft.objects.push(given)
      if (extra !== undefined) draft.extra = extra as Json
      const extraSize = extra === undefined ? 0 : JSON.stringify(extra).length
      return name.length + args.length + extraSize
    },
    calls(offered, idSeed) {
      const used = new Set<string>()
      return drafts.map((draft, position) => {
        const given = LEGAL_ID.test(draft.id) && !used.has(draft.id)
        const id = given ? draft.id : plainId(`${idSeed}.${position}.${draft.id}`)
        used.add(id)
        return {
          id,
          name: nameOf(draft.names, offered),
          arguments: wellFormed(readable(argumentsOf(draft))),
          ...(draft.extra === undefined ? {} : { extra: draft.extra }),
        }
      })
    },
  }
}

/** Returns the pieces in a message: a list, a single call, or calls by their position. */
export function piecesOf(calls: unknown): readonly unknown[] {
  if (Array.isArray(calls)) return calls
  if (!isRecord(calls)) return []
  return isRecord(calls['function']) || 'name' in calls ? [calls] : Object.values(calls)
}

/** Ids that every known endpoint accepts back. */
const LEGAL_ID = /^[\w.:-]{1,128}$/
/** Mistral accepts only ids of nine letters or digits; all others accept these too. */
const PLAIN_ID_CHARACTERS = 9

/** Derives an id of nine letters or digits from a seed. */
export function plainId(seed: string): string {
  return createHash('sha256').update(seed).digest('hex').slice(0, PLAIN_ID_CHARACTERS)
}

function draftOf(drafts: Draft[], index: string | undefined, id: string, name: string): Draft {
  const last = drafts.at(-1)
  const begin = (): Draft => {
    const draft: Draft = { index, id, names: [], arguments: [], objects: [], extra: undefined }
    drafts.push(draft)
    return draft
  }
  if (last === undefined) return begin()
  if (index === undefined) {
    // Without an index the id distinguishes calls; without both, a name after complete arguments
    // begins a call.
    const known = id === '' ? undefined : drafts.find((draft) => draft.id === id)
    if (known !== undefined && !beginsAnother(known, name)) return known
    const other = id !== '' && last.id !== '' && name !== ''
    return other || beginsAnother(last, name) ? begin() : last
  }
  const known = drafts.findLast((draft) => draft.index === index)
  if (known === undefined) return begin()
  // Several calls with one index: another id and a name after a complete call.
  const other = id !== '' && known.id !== '' && id !== known.id
  return other && beginsAnother(known, name) ? begin() : known
}

/** Whether a named piece begins a new call because the known one is complete. */
function beginsAnother(known: Draft, name: string): boolean {
  if (name === '' || known.names.length === 0) return false
  // Parses only text that ends like an object, because a name may come with each of many pieces.
  return /}\s*$/.test(known.arguments.at(-1) ?? '') && isObjectText(known.arguments.join(''))
}

function argumentsText(value: unknown): string {
  if (value === undefined || value === null) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/**
 * Returns the arguments: the joined pieces, or a piece that is complete by itself (some senders
 * repeat everything).
 */
function argumentsOf({ arguments: pieces, objects }: Draft): string {
  // Objects in pieces: each one adds fields or repeats everything so far.
  if (objects.length > 1 && objects.length === pieces.length) {
    return JSON.stringify(Object.assign({}, ...objects))
  }
  const joined = pieces.join('')
  if (joined.trim() === '' || joined.trim() === 'null') return ''
  if (isObjectText(joined)) return joined
  // The arguments were encoded as JSON twice.
  const inner = joined.trim().startsWith('"') ? parseJson(joined) : undefined
  if (typeof inner === 'string' && isObjectText(inner)) return inner
  return pieces.findLast(isObjectText) ?? joined
}

/** Characters kept of unreadable arguments, so that the model sees what it wrote. */
const UNREADABLE_MAX = 500

/**
 * Cuts arguments whose nesting would exhaust the stack of a tool; the rest is invalid JSON, which
 * the model gets as an error.
 */
function readable(args: string): string {
  return isShallow(parseJson(args)) ? args : args.slice(0, UNREADABLE_MAX)
}

/** Returns the name: an offered one if the pieces form one, otherwise the joined pieces. */
function nameOf(pieces: readonly string[], offered: readonly string[]): string {
  const joined = pieces.join('').trim()
  const last = (pieces.at(-1) ?? '').trim()
  const readings = [joined, last, ...[joined, last].map((name) => name.split(/[.:/]/).at(-1) ?? '')]
  const known = readings.find((name) => offered.includes(name))
  if (known !== undefined) return known
  // A name that every piece repeats is that name.
  return pieces.every((piece) => piece === pieces[0]) ? last : joined
}

function isObjectText(text: string): boolean {
  try {
    return isRecord(JSON.parse(text))
  } catch {
    return false
  }
}
