import type { Json } from '@agentfleet/domain'
import { isRecord, isShallow, type JsonObject } from '../shape.ts'

/**
 * Reasoning and signatures that a provider wants back: with a message (DeepSeek, OpenRouter,
 * Anthropic behind LiteLLM) or with one of its tool calls (Gemini). Invariants: a later empty piece
 * removes nothing; no name in a piece reaches a prototype.
 */

/** The field with Gemini's signatures, in messages and in tool calls. */
export const SIGNATURES = 'extra_content'
/** The thoughts in tags before the text of a message; they go back in its content. */
export const THOUGHTS = 'thoughts_in_content'

const ECHOED = [
  'reasoning_content',
  'reasoning',
  'reasoning_details',
  'thinking_blocks',
  SIGNATURES,
] as const

/** Adds the reasoning of a piece of the answer to what was heard; returns its number of characters. */
export function hearEcho(echo: Record<string, Json>, message: JsonObject): number {
  let characters = 0
  for (const name of ECHOED) {
    const piece = message[name]
    if (piece === undefined || piece === null || piece === '') continue
    if (!isShallow(piece)) throw new RangeError('a piece of the answer is nested too deep')
    const before = echo[name]
    if (typeof piece === 'string') {
      echo[name] = (typeof before === 'string' ? before : '') + piece
      characters += piece.length
    } else if (Array.isArray(piece) && piece.length > 0) {
      // One list that grows: a copy for each piece would take a time that is quadratic.
      const list = Array.isArray(before) ? (before as Json[]) : []
      if (name === 'thinking_blocks') joinBlocks(list, piece as Json[])
      else for (const part of piece as Json[]) list.push(part)
      echo[name] = list
      characters += JSON.stringify(piece).length
    } else if (isRecord(piece) && Object.keys(piece).length > 0) {
      echo[name] = later(before, piece as Json)
      characters += JSON.stringify(piece).length
    }
  }
  return characters
}

/** Fields of a value that comes in pieces, each of which copies it; known ones have fewer than ten. */
const FIELDS_MAX = 64

/** Combines two values of one field: fields are added, and the later value wins unless it is empty. */
export function later(before: Json | undefined, after: Json): Json {
  if (after === null || after === '') return before ?? after
  if (!isRecord(before) || !isRecord(after)) return after
  const fields = Object.entries(after as Record<string, Json>)
  const known = before as Record<string, Json>
  if (Object.keys(known).length > FIELDS_MAX) throw new RangeError('a value has too many fields')
  const added = fields.map(([name, value]) => [
    name,
    later(Object.hasOwn(known, name) ? known[name] : undefined, value),
  ])
  return { ...known, ...(Object.fromEntries(added) as Record<string, Json>) }
}

/**
 * Adds the pieces of Anthropic's thinking blocks: its signature fits only the whole text. A block
 * ends with its signature.
 */
function joinBlocks(blocks: Json[], pieces: readonly Json[]): void {
  for (const piece of pieces) {
    const last = blocks.at(-1)
    if (isRecord(last) && isRecord(piece) && continues(last, piece)) {
      const thinking = `${textIn(last)}${textIn(piece)}`
      blocks[blocks.length - 1] = { ...(later(last, piece) as object), thinking }
    } else blocks.push(piece)
  }
}

function continues(last: JsonObject, piece: JsonObject): boolean {
  return last['type'] === 'thinking' && piece['type'] === 'thinking' && !last['signature']
}

function textIn({ thinking }: JsonObject): string {
  return typeof thinking === 'string' ? thinking : ''
}
