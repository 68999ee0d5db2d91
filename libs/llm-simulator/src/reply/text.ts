/** Text that is the same for the same prompt, split into pieces that count as tokens. */

const WORDS = (
  'the plan result step value check order service region budget report answer first second next ' +
  'small large stable recent clear open daily shared local remote simple careful and with from ' +
  'into before after while under over each some more less many few keeps shows moves starts ends ' +
  'holds takes gives needs finds reads writes sends counts sums sorts splits joins builds tests'
).split(' ')

/** Characters of a token, the usual rule of thumb for English. */
const CHARACTERS_PER_TOKEN = 4
/** Longest piece of given text sent as one token, so that text without spaces is streamed too. */
const PIECE = /\s{0,16}\S{1,16}|\s{1,16}/gu

/** The text of an answer: seeded words, or a given text; `count` is its length in tokens. */
export type Content =
  | { readonly kind: 'words'; readonly seed: number; readonly count: number }
  | { readonly kind: 'text'; readonly text: string; readonly count: number }

/** FNV-1a over the UTF-16 units of a text, continuing from an earlier hash. */
export function hashText(text: string, from = 0x811c9dc5): number {
  let hash = from
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  }
  return hash >>> 0
}

/** A seeded generator of numbers in [0, 1) (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** The tokens of a prompt with that many characters. */
export function estimateTokens(characters: number): number {
  return Math.ceil(characters / CHARACTERS_PER_TOKEN)
}

/** A text in pieces of this many characters. */
export function piecesOf(text: string, size: number): string[] {
  const pieces: string[] = []
  for (let start = 0; start < text.length; start += size)
    pieces.push(text.slice(start, start + size))
  return pieces
}

/** A given text as content, cut after `limit` tokens. */
export function textContent(text: string, limit: number): Content & { readonly cut: boolean } {
  let count = 0
  let end = 0
  for (const piece of text.matchAll(PIECE)) {
    if (count === limit) return { kind: 'text', text: text.slice(0, end), count, cut: true }
    count += 1
    end = piece.index + piece[0].length
  }
  return { kind: 'text', text, count, cut: false }
}

/** The tokens of a content, one after the other, without ever holding them all. */
export function* tokensOf(content: Content): Generator<string, void> {
  if (content.kind === 'text') {
    for (const piece of content.text.matchAll(PIECE)) yield piece[0]
    return
  }
  yield '[simulated]' // The first word always marks the text as simulated.
  const random = createRandom(content.seed)
  for (let index = 1; index < content.count; index += 1) {
    const word = WORDS[Math.floor(random() * WORDS.length)] ?? 'plan'
    yield index === content.count - 1 ? ` ${word}.` : ` ${word}`
  }
}
