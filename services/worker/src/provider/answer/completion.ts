import { objectIn } from '../shape.ts'

/**
 * Returns what tells whether the pieces of text in a list that only grows form one JSON object so far.
 * Invariants: each character is read once, no matter how often it is asked, and the text is parsed at most once for
 * each object; nothing is read until it is asked.
 */
export function createCompletion(pieces: readonly string[]): () => boolean {
  let read = 0
  let state: 'before' | 'inside' | 'closed' | 'no-object' = 'before'
  let depth = 0
  let inString = false
  let escaped = false
  let isObject: boolean | undefined
  const hear = (character: string): void => {
    if (escaped) escaped = false
    else if (inString) {
      escaped = character === '\\'
      inString = character !== '"'
    } else if (state === 'inside') {
      if (character === '"') inString = true
      else if (character === '{') depth += 1
      else if (character === '}') depth -= 1
      if (depth === 0) state = 'closed'
    } else if (character.trim() !== '') {
      state = state === 'before' && character === '{' ? 'inside' : 'no-object'
      depth = 1
    }
  }
  return () => {
    for (; read < pieces.length; read += 1) {
      const piece = pieces[read] ?? ''
      for (let at = 0; at < piece.length && state !== 'no-object'; at += 1) hear(piece[at] ?? '')
    }
    if (state !== 'closed') return false
    isObject ??= objectIn(pieces.join('')) !== undefined
    return isObject
  }
}
