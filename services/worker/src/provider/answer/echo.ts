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
      const list = [...(Array.isArray(before) ? before : []), ...(piece as Json[])]
      echo[name] = name === 'thinking_blocks' ? joinedBlocks(list) : list
      characters += JSON.stringify(piece).length
    } else if (isRecord(piece) && Object.keys(piece).length > 0) {
      echo[name] = later(before, piece as Json)
      characters += JSON.stringify(piece).length
    }
  }
  return characters
}

/** Combines two values of one field: fields are added, and the later value wins unless it is empty. */
export function later(before: Json | undefined, after: Json): Json {
  if (after === null || after === '') return before ?? after
  if (!isRecord(before) || !isRecord(after)) return after
  const fields = Object.entries(after as Record<string, Json>)
  const known = before as Record<string, Json>
  const added = fields.map(([name, value]) => [
    name,
    later(Object.hasOwn(known, name) ? known[name] : undefined, value),
  ])
  return { ...known, ...(Object.fromEntries(added) as Record<string, Json>) }
}

/**
 * Joins the pieces of Anthropic's thinking blocks: its signature fits only the whole text. A block
 * ends with its signature.
 */
function joinedBlocks(pieces: readonly Json[]): Json[] {
  const blocks: Json[] = []
  for (const piece of pieces) {
    const last = blocks.at(-1)
    if (isRecord(last) && isRecord(piece) && continues(last, piece)) {
      const thinking = `${textIn(last)}${textIn(piece)}`
      blocks[blocks.length - 1] = { ...(later(last, piece) as object), thinking }
    } else blocks.push(piece)
  }
  return blocks
}

function continues(last: JsonObject, piece: JsonObject): boolean {
  return last['type'] === 'thinking' && piece['type'] === 'thinking' && !last['signature']
}

function textIn({ thinking }: JsonObject): string {
  return typeof thinking === 'string' ? thinking : ''
}
