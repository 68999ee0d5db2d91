/** The parts of a pattern. */
export type Node =
  | {
      readonly kind: 'character'
      readonly matches: (character: string) => boolean
      /** Characters that it matches. */
      readonly examples: readonly string[]
    }
  | { readonly kind: 'place'; readonly place: 'start' | 'end' | 'edge' | 'no-edge' }
  | { readonly kind: 'ahead'; readonly node: Node; readonly is: boolean }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'all'; readonly nodes: readonly Node[] }
  | { readonly kind: 'one'; readonly nodes: readonly Node[] }
  | {
      readonly kind: 'repeat'
      readonly node: Node
      readonly min: number
      readonly max: number
      readonly lazy: boolean
    }

/** Characters of each kind that a class may distinguish. */
export const CHARACTERS = ' \na0A_-.,:;={}[]()<>"\'\\/`|*+@?&é｜\u0001'
/** Examples of what one part of a pattern matches. */
export const EXAMPLES_MAX = 4

const GROUP = /^\((?:\?(?:[:=!]|<[=!]|<\w+>))?/
const ATOM = /^(?:\[(?:\\.|[^\]\\])*\]|\\[pP]\{[^}]*\}|\\u[\dA-F]{4}|\\x[\dA-F]{2}|\\.|.)/isu
const REPEAT = /^(?:[*+?]|\{(\d+)(,?)(\d*)\})\??/

/** Reads a pattern. What stands behind a place, and what a group matched, counts as nothing. */
export function treeOf(source: string, flags: string): Node {
  let at = 0
  const choice = (): Node => {
    const nodes: Node[] = [sequence()]
    while (source[at] === '|') {
      at += 1
      nodes.push(sequence())
    }
    return { kind: 'one', nodes }
  }
  const sequence = (): Node => {
    const nodes: Node[] = []
    while (at < source.length && source[at] !== '|' && source[at] !== ')') {
      nodes.push(repeated(atom()))
    }
    return { kind: 'all', nodes }
  }
  const atom = (): Node => {
    const [group] = GROUP.exec(source.slice(at)) ?? []
    if (group !== undefined) {
      at += group.length
      const node = choice()
      at += 1
      if (group === '(?=' || group === '(?!') return { kind: 'ahead', node, is: group === '(?=' }
      return group === '(?<=' || group === '(?<!' ? { kind: 'nothing' } : node
    }
    const [text = ''] = ATOM.exec(source.slice(at)) ?? []
    at += text.length
    if (text === '^') return { kind: 'place', place: 'start' }
    if (text === '$') return { kind: 'place', place: 'end' }
    if (text === String.raw`\b`) return { kind: 'place', place: 'edge' }
    if (text === String.raw`\B`) return { kind: 'place', place: 'no-edge' }
    if (/^\\\d$/.test(text)) return { kind: 'nothing' }
    return characterOf(text, flags)
  }
  const repeated = (node: Node): Node => {
    const [mark, from, comma, to] = REPEAT.exec(source.slice(at)) ?? []
    if (mark === undefined) return node
    at += mark.length
    const [sign] = mark
    const min = sign === '{' ? Number(from) : sign === '+' ? 1 : 0
    const last = comma === '' ? min : to === '' ? Infinity : Number(to)
    const max = sign === '{' ? last : sign === '?' ? 1 : Infinity
    return { kind: 'repeat', node, min, max, lazy: mark.length > 1 && mark.endsWith('?') }
  }
  return choice()
}

function characterOf(part: string, flags: string): Node {
  const pattern = new RegExp(`^(?:${part})$`, flags.replaceAll(/[gy]/g, ''))
  const known = new Map<string, boolean>()
  const matches = (character: string): boolean => {
    const found = known.get(character) ?? pattern.test(character)
    known.set(character, found)
    return found
  }
  const examples = [...new Set(`${CHARACTERS}${part}`.split(''))].filter(matches)
  // A class matches blanks, letters, digits and marks in different ways.
  const spread = examples.filter((_, at) => at % Math.ceil(examples.length / EXAMPLES_MAX) === 0)
  const code = Number.parseInt(part.replace(/^\\[ux]/i, ''), 16)
  return {
    kind: 'character',
    matches,
    examples: spread.length > 0 ? spread : [String.fromCodePoint(code || 0x4e00)],
  }
}
