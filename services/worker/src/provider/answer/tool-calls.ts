import { createHash } from 'node:crypto'
import type { Json } from '@agentfleet/domain'
import type { ToolCall } from '../../run/conversation.ts'
import { later, SIGNATURES } from './echo.ts'
import { objectsIn } from './framing.ts'
import { createCompletion } from './completion.ts'
import { separateCalls, type NamedArguments } from './merged-calls.ts'
import {
  isRecord,
  isShallow,
  objectIn,
  parseJson,
  textOf,
  wordOf,
  type JsonObject,
} from '../shape.ts'

interface Draft {
  index: string | undefined
  id: string
  readonly names: string[]
  /** All names, joined and apart: a long answer is not searched again for each piece. */
  name: string
  readonly knownNames: Set<string>
  readonly arguments: string[]
  readonly isComplete: () => boolean
  /** Arguments that arrived as objects. */
  readonly objects: Record<string, unknown>[]
  extra: Json | undefined
}

/**
 * Assembles the tool calls of a streamed answer.
 *
 * Providers omit the index, count from 1, repeat the name or the id in each piece, give one index
 * to several calls, or send the arguments as an object. Index and id together decide to which call
 * a piece belongs; name and arguments are determined at the end from all pieces. Invariants: every
 * call has an id that is unique within the answer; arguments are a text; a call without a name and
 * arguments is ignored.
 */
export function createToolCalls() {
  const drafts: Draft[] = []
  return {
    get size() {
      return drafts.length
    },
    /**
     * Adds one piece; returns its number of characters. `beside`: it stands behind another one in the
     * same list.
     */
    add(piece: unknown, beside: boolean): number {
      if (!isRecord(piece)) return 0
      const fn = functionIn(piece)
      const name = textOf(fn['name']) ?? ''
      const id = wordOf(piece['id']) ?? ''
      const given = fn['arguments'] ?? fn['input'] ?? fn['parameters'] ?? fn['args']
      const extra = piece[SIGNATURES]
      if (!isShallow(given) || !isShallow(extra))
        throw new RangeError('a tool call is nested too deep')
      const args = argumentsText(given)
      const draft = draftOf(drafts, { index: wordOf(piece['index']), id, name, args, beside })
      if (draft.id === '') draft.id = id
      if (name !== '') {
        draft.names.push(name)
        draft.name += name
        draft.knownNames.add(name)
      }
      if (args !== '') draft.arguments.push(args)
      if (isRecord(given)) draft.objects.push(given)
      if (isRecord(extra)) draft.extra = later(draft.extra, extra as Json)
      const extraSize = isRecord(extra) ? JSON.stringify(extra).length : 0
      return id.length + name.length + args.length + extraSize
    },
    /** Returns the calls in the order in which they began. */
    calls(offered: readonly string[], idSeed: string): ToolCall[] {
      const used = new Set<string>()
      const named = drafts.filter(
        ({ names, arguments: args }) => names.length > 0 || args.length > 0,
      )
      return named
        .flatMap((draft) => separated(draft, offered))
        .map(({ id: own, name: said, args: text, extra }, position) => {
          const given = LEGAL_ID.test(own) && !used.has(own)
          const id = given ? own : plainId(`${idSeed}.${position}.${own}`)
          used.add(id)
          const keepsGiven = !given && own !== '' && own.length <= GIVEN_ID_MAX
          const { name, args } = unwrapped(said, text, offered)
          return {
            id,
            ...(keepsGiven ? { givenId: own } : {}),
            name,
            arguments: readable(args).toWellFormed(),
            ...(extra === undefined ? {} : { extra }),
          }
        })
    },
  }
}

interface WholeCall extends NamedArguments {
  readonly id: string
  readonly extra: Json | undefined
}

/** Returns the calls of a draft; the first one has its id and its signature. */
function separated(draft: Draft, offered: readonly string[]): readonly WholeCall[] {
  const { id, extra, names, objects } = draft
  const said = { name: names.join('').trim(), args: draft.arguments.join('') }
  const several = objects.length > 0 ? undefined : separateCalls(said, offered)
  if (several === undefined) {
    return [{ id, extra, name: nameOf(names, offered), args: argumentsOf(draft) }]
  }
  return several.map(({ name, args }, at) => ({
    id: at === 0 ? id : '',
    extra: at === 0 ? extra : undefined,
    name: nameOf([name], offered),
    args,
  }))
}

/** Returns the part of a piece with name and arguments; some gateways encode it as a text. */
function functionIn(piece: JsonObject): JsonObject {
  const inner = piece['function'] ?? piece['custom']
  const fn = typeof inner === 'string' ? parseJson(inner) : inner
  return isRecord(fn) ? fn : piece
}

/** Lists around each other. */
const LISTS_MAX = 4

/** Returns the pieces in a message: a list, a single call, calls by their position, or their JSON. */
export function piecesOf(calls: unknown): readonly unknown[] {
  if (Array.isArray(calls)) return calls.some(Array.isArray) ? calls.flat(LISTS_MAX) : calls
  if (typeof calls === 'string') return piecesOf(parseJson(calls) ?? null)
  if (!isRecord(calls)) return []
  return isRecord(calls['function']) || 'name' in calls ? [calls] : Object.values(calls)
}

/** Ids that every known endpoint accepts back. */
const LEGAL_ID = /^[\w.:-]{1,128}$/
/** Characters. Some gateways put a signature into an id and read it when they get the id back. */
const GIVEN_ID_MAX = 16_384
/** Mistral accepts only ids of nine letters or digits; all others accept these too. */
const PLAIN_ID_CHARACTERS = 9

/** Derives an id of nine letters or digits from a seed. */
export function plainId(seed: string): string {
  return createHash('sha256').update(seed).digest('hex').slice(0, PLAIN_ID_CHARACTERS)
}

/** What decides to which call a piece belongs. */
interface Piece {
  readonly index: string | undefined
  readonly id: string
  readonly name: string
  readonly args: string
  readonly beside: boolean
}

function draftOf(drafts: Draft[], piece: Piece): Draft {
  const { index, id, name, beside } = piece
  const last = drafts.at(-1)
  const begin = (): Draft => {
    const args: string[] = []
    const draft: Draft = {
      index,
      id,
      names: [],
      name: '',
      knownNames: new Set(),
      arguments: args,
      isComplete: createCompletion(args),
      objects: [],
      extra: undefined,
    }
    drafts.push(draft)
    return draft
  }
  if (last === undefined) return begin()
  if (index === undefined) {
    // Without an index the id distinguishes calls; without both, a name after complete arguments
    // begins a call, and so does a second name in one list.
    const known = id === '' ? undefined : drafts.find((draft) => draft.id === id)
    if (known !== undefined && !beginsAnother(known, piece)) return known
    const other = name !== '' && last.names.length > 0 && (beside || (id !== '' && last.id !== ''))
    return other || beginsAnother(last, piece) ? begin() : last
  }
  const known = drafts.findLast((draft) => draft.index === index)
  if (known === undefined) {
    // A call whose index shifts while its arguments are open.
    if (name === '' && id === '' && piece.args !== '' && isOpen(last)) return last
    // The index came after the first piece of its call.
    if (last.index !== undefined || name !== '' || (id !== '' && id !== last.id)) return begin()
    last.index = index
    return last
  }
  return sharesIndex(known, piece) ? begin() : known
}

/** Whether a piece with the index of a known call begins another call. */
function sharesIndex(known: Draft, piece: Piece): boolean {
  const { id, name, args } = piece
  const { length } = known.name
  const otherId = id !== '' && known.id !== '' && id !== known.id
  const otherName =
    name !== '' && length > 0 && (name.length < length || !name.startsWith(known.name))
  if (otherId && otherName && !known.knownNames.has(name)) return true
  if (!beginsAnother(known, piece)) return false
  // Without another id or name only other arguments show another call.
  return otherId || otherName || (args !== '' && args !== known.arguments.join('') && id === '')
}

/** Whether the arguments of a call have begun and are not complete. */
function isOpen({ names, arguments: pieces, isComplete }: Draft): boolean {
  return names.length > 0 && pieces.length > 0 && !isComplete()
}

/** Whether a named piece begins a new call because the known one is complete. */
function beginsAnother(known: Draft, { name }: Pick<Piece, 'name'>): boolean {
  return name !== '' && known.names.length > 0 && known.isComplete()
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
    return JSON.stringify(Object.fromEntries(objects.flatMap((fields) => Object.entries(fields))))
  }
  const joined = unquoted(pieces.join(''))
  if (NOTHING.test(joined.trim())) return ''
  if (isObjectText(joined)) return joined
  const told = pieces.findLast((piece) => isObjectText(piece) && !EMPTY.test(piece))
  if (told !== undefined) return told
  // What stands around the object is a fence, a mark or an empty object; two objects are unreadable.
  const found = new Set(
    objectsIn(joined).filter((piece) => isObjectText(piece) && !EMPTY.test(piece)),
  )
  const [only] = found
  if (found.size === 1 && only !== undefined) return only
  // The parser accepts a line end within a string, and NaN in place of a number; the returned text is valid JSON.
  const value = parseJson(joined)
  return isRecord(value) ? JSON.stringify(value) : joined
}

const EMPTY = /^\s*\{\s*\}\s*$/
/** What models and gateways write when there are no arguments. */
const NOTHING = /^(null|none|nil|undefined)?$/i
/** How many times arguments may be encoded as JSON. */
const ENCODED_MAX = 4

/** Returns the text that was encoded as JSON again. */
function unquoted(text: string, levels = ENCODED_MAX): string {
  if (levels === 0 || !text.trimStart().startsWith('"')) return text
  const inner = parseJson(text)
  return typeof inner === 'string' ? unquoted(inner, levels - 1) : text
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
export function nameOf(pieces: readonly string[], offered: readonly string[]): string {
  const joined = pieces.join('').trim()
  const last = (pieces.at(-1) ?? '').trim()
  const known = [joined, last].find((name) => offered.includes(name))
  if (known !== undefined) return known
  const readings = [joined, last].flatMap((name) => {
    const plain = name.replace(NAME_TAIL, '')
    return [name, plain, plain.split(NAMESPACE).at(-1) ?? ''].map(letters)
  })
  const alike = offered.filter((name) => readings.includes(letters(name)))
  if (alike.length === 1 && alike[0] !== undefined) return alike[0]
  // A name that every piece repeats is that name.
  return pieces.every((piece) => piece === pieces[0]) ? last : joined
}

/** The fields of a call that a model writes around the arguments. */
const CALL_FIELDS = ['name', 'arguments', 'parameters', 'args', 'input', 'type', 'id']

/** Returns name and arguments of a call that stands as a whole in its name or in its arguments. */
function unwrapped(name: string, args: string, offered: readonly string[]) {
  const inName = name.startsWith('{')
  if (!inName && !/"name"/.test(args)) return { name, args }
  const call = parseJson(inName ? name : args)
  if (!isRecord(call) || !Object.keys(call).every((field) => CALL_FIELDS.includes(field))) {
    return { name, args }
  }
  const inner = call['arguments'] ?? call['parameters'] ?? call['args'] ?? call['input']
  const told = nameOf([textOf(call['name']) ?? ''], offered)
  const same = inName ? offered.includes(told) : told === name && inner !== undefined
  return same ? { name: told, args: argumentsText(inner) } : { name, args }
}

/** What models append to a name: a channel mark, the number of the call, brackets. */
const NAME_TAIL = /(<\|.*|:\d+|\(.*)$/s
/** What separates a name from what models put in front of it. */
const NAMESPACE = /[.:/]|__/

/** A name without its letter case and separators, which models change. */
function letters(name: string): string {
  return name.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, '')
}

function isObjectText(text: string): boolean {
  return objectIn(text) !== undefined
}
