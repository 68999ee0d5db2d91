import { createHash } from 'node:crypto'
import type { Json } from '@agentfleet/domain'
import type { ToolCall } from '../run/conversation.ts'
import { isRecord, textOf, wellFormed } from './shape.ts'

/**
 * Tool calls of a streamed answer, put together from their pieces.
 *
 * Providers leave the index out, count from 1, repeat the name or the id in each piece, give one index to
 * several calls, or send the arguments as an object. Which piece belongs to which call follows from index
 * and id together; what a name or the arguments are is decided at the end, from all pieces.
 * Invariants: every call has an id that no other call of the answer has; arguments are a text.
 */
export interface ToolCallPieces {
  readonly size: number
  /** Adds one piece; says how many characters it brought. */
  add(piece: unknown): number
  /** The calls in the order in which they began. */
  calls(offered: readonly string[], idSeed: string): ToolCall[]
}

interface Draft {
  readonly index: unknown
  id: string
  readonly names: string[]
  readonly arguments: string[]
  extra: Json | undefined
}

/** No piece has come yet. */
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
      const id = textOf(piece['id']) ?? ''
      const args = argumentsText(fn['arguments'] ?? fn['input'])
      const draft = draftOf(drafts, piece['index'], id, name)
      if (draft.id === '') draft.id = id
      if (name !== '') draft.names.push(name)
      if (args !== '') draft.arguments.push(args)
      if (piece['extra_content'] !== undefined) draft.extra = piece['extra_content'] as Json
      return name.length + args.length
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
          arguments: wellFormed(argumentsOf(draft.arguments)),
          ...(draft.extra === undefined ? {} : { extra: draft.extra }),
        }
      })
    },
  }
}

/** Ids that every endpoint has been seen to take back. */
const LEGAL_ID = /^[\w.:-]{1,128}$/
/** Mistral takes ids of nine letters or digits only; everybody else takes these too. */
const PLAIN_ID_CHARACTERS = 9

/** An id of nine letters or digits that follows from a seed. */
export function plainId(seed: string): string {
  return createHash('sha256').update(seed).digest('hex').slice(0, PLAIN_ID_CHARACTERS)
}

function draftOf(drafts: Draft[], index: unknown, id: string, name: string): Draft {
  const last = drafts.at(-1)
  const begin = (): Draft => {
    const draft: Draft = { index, id, names: [], arguments: [], extra: undefined }
    drafts.push(draft)
    return draft
  }
  if (last === undefined) return begin()
  if (index === undefined || index === null) {
    // Without an index the id tells calls apart; without both, a name after whole arguments begins a call.
    const known = id === '' ? undefined : drafts.find((draft) => draft.id === id)
    if (known !== undefined && !beginsAnother(known, name)) return known
    const other = id !== '' && last.id !== '' && name !== ''
    return other || beginsAnother(last, name) ? begin() : last
  }
  const known = drafts.findLast((draft) => draft.index === index)
  if (known === undefined) return begin()
  // One index for several calls: another id and a name, after a call that is whole.
  const other = id !== '' && known.id !== '' && id !== known.id
  return other && beginsAnother(known, name) ? begin() : known
}

/** Whether a named piece is a new call, since the known one has all it needs. */
function beginsAnother(known: Draft, name: string): boolean {
  return name !== '' && known.names.length > 0 && isObjectText(known.arguments.join(''))
}

function argumentsText(value: unknown): string {
  if (value === undefined || value === null) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** The arguments: the pieces joined, else a piece that is whole by itself (some senders repeat all of it). */
function argumentsOf(pieces: readonly string[]): string {
  const joined = pieces.join('')
  if (joined.trim() === '' || isObjectText(joined)) return joined
  return pieces.findLast(isObjectText) ?? joined
}

/** The name: one that is offered, if the pieces make one; joined otherwise. */
function nameOf(pieces: readonly string[], offered: readonly string[]): string {
  const joined = pieces.join('').trim()
  const last = (pieces.at(-1) ?? '').trim()
  const readings = [joined, last, ...[joined, last].map((name) => name.split(/[.:/]/).at(-1) ?? '')]
  const known = readings.find((name) => offered.includes(name))
  if (known !== undefined) return known
  // A name that is repeated in each piece is that name.
  return pieces.every((piece) => piece === pieces[0]) ? last : joined
}

function isObjectText(text: string): boolean {
  try {
    return isRecord(JSON.parse(text))
  } catch {
    return false
  }
}
