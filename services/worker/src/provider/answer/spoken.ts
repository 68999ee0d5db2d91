import { endsWithinCharacter } from '../shape.ts'

/**
 * The text of an answer, made of its pieces.
 *
 * Some endpoints send all text so far in each piece, and some send a model's thoughts in tags before
 * the answer. Invariants: what `add` and `end` return adds up to `text`; thoughts are in `thoughts`
 * alone; no half of a surrogate pair is passed on; the time is linear in the length of the answer.
 */
export type SpokenText = ReturnType<typeof createSpokenText>

/** Creates an empty text. */
export function createSpokenText() {
  const growth = createGrowth()
  const thinking = createThinking()
  let held = ''
  let text = ''
  const pass = (piece: string): string => {
    const joined = held + piece
    held = endsWithinCharacter(joined) ? joined.slice(-1) : ''
    const whole = (held === '' ? joined : joined.slice(0, -1)).toWellFormed()
    text += whole
    return whole
  }
  return {
    /** All text, with the thoughts, as the provider sent it. */
    get said() {
      return growth.said()
    },
    /** The answer without the thoughts before it. */
    get text() {
      return text
    },
    /** The thoughts in tags before the answer, with their tags. */
    get thoughts() {
      return thinking.thoughts()
    },
    /** Adds a piece; returns what can be passed on. */
    add: (piece: string) => pass(thinking.add(growth.add(piece))),
    /** Ends the text; returns the rest that can be passed on. */
    end() {
      const rest = pass(thinking.add(growth.end()) + thinking.end())
      const half = held === '' ? '' : '\uFFFD'
      held = ''
      text += half
      return rest + half
    },
  }
}

/** Letters of a first piece that the second and last piece repeats; fewer may be said twice. */
const REPEATED_LETTERS = /\p{L}.*\p{L}.*\p{L}/su

/**
 * Removes what each piece repeats if all pieces grow. The second piece is kept until the third one
 * shows whether they do: "ha" and "haha" may also be pieces of "hahaha".
 */
function createGrowth() {
  let kind: 'unknown' | 'pieces' | 'growing' = 'unknown'
  let said = ''
  // The beginning of it, in one part: a text that grows is copied each time it is searched.
  let head = ''
  let second = ''
  const say = (piece: string): string => {
    said += piece
    return piece
  }
  const rest = (piece: string): string => {
    if (piece.length >= said.length && piece.startsWith(said)) return say(piece.slice(said.length))
    if (piece.length > head.length) head = said
    return head.startsWith(piece) ? '' : say(piece)
  }
  const decide = (grows: boolean): string => {
    kind = grows ? 'growing' : 'pieces'
    const kept = second
    second = ''
    return grows ? rest(kept) : say(kept)
  }
  return {
    said: () => said + second,
    add(piece: string): string {
      if (piece === '' || kind === 'pieces' || said === '') return say(piece)
      if (kind === 'growing') return rest(piece)
      if (second === '') {
        const grows = piece.length > said.length && piece.startsWith(said) && /\p{L}/u.test(said)
        if (grows) second = piece
        else kind = 'pieces'
        return grows ? '' : say(piece)
      }
      const grows = piece.startsWith(second)
      return decide(grows) + (grows ? rest(piece) : say(piece))
    },
    end: () => (second === '' ? '' : decide(REPEATED_LETTERS.test(said))),
  }
}

/** The mark before a model's thoughts. */
const OPENING = /^[<[◁](?:\w{1,16}:)?(?:think|thinking|thought)[>\]▷]/i
/** A text that may become an opening mark. */
const BEGUN = /^[<[◁][\w:]{0,25}$/
const CLOSING = /[<[◁]\/(?:\w{1,16}:)?(?:think|thinking|thought)[>\]▷]/i
/** Characters of the longest closing mark. */
const CLOSING_MAX = 32

/** Separates the thoughts in tags at the beginning of an answer. */
function createThinking() {
  let state: 'before' | 'inside' | 'answer' = 'before'
  let thoughts = ''
  // The end of the open thoughts, where their closing mark may have begun.
  let tail = ''
  // A text that may become an opening mark, and the blanks before it, which are searched only once.
  let waiting = ''
  let blanks = ''
  /** Takes a piece behind the opening mark; returns what follows the closing mark. */
  const think = (piece: string): string => {
    const searched = tail + piece
    const mark = CLOSING.exec(searched)
    const end = mark === null ? searched.length : mark.index + mark[0].length
    thoughts += searched.slice(tail.length, end)
    tail = mark === null ? searched.slice(-CLOSING_MAX) : ''
    if (mark !== null) state = 'before'
    return searched.slice(end)
  }
  /** Takes a piece before the answer; returns it as soon as it shows what it begins. */
  const wait = (piece: string): string => {
    const start = waiting === '' ? piece.trimStart() : waiting + piece
    // The blank lines behind thoughts belong to them.
    if (waiting === '' && thoughts === '') blanks += piece.slice(0, piece.length - start.length)
    waiting = start
    if (start === '' || BEGUN.test(start)) return ''
    const whole = blanks + start
    waiting = ''
    blanks = ''
    state = OPENING.test(start) ? 'inside' : 'answer'
    return whole
  }
  const add = (piece: string): string => {
    let rest = piece
    while (state !== 'answer' && rest !== '') rest = state === 'inside' ? think(rest) : wait(rest)
    return rest
  }
  return {
    thoughts: () => thoughts,
    add,
    /** Returns a text that looked like the beginning of a mark. */
    end(): string {
      const rest = blanks + waiting
      blanks = ''
      waiting = ''
      return rest
    },
  }
}

/**
 * Returns an answer without the thoughts whose opening mark is missing: prompts of some models
 * contain it. A text that mentions the marks keeps them.
 */
export function withoutUnopened(text: string): string {
  const end = text.indexOf(UNOPENED_END)
  if (end < 0 || text.includes('<think>')) return text
  const rest = text.slice(end + UNOPENED_END.length)
  const isMark = /^\s*\n/.test(rest) && !rest.includes(UNOPENED_END)
  return isMark && rest.trim() !== '' ? rest.trimStart() : text
}

const UNOPENED_END = '</think>'
