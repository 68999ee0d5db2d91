/** The meanings that a colour supports; the words alone say the same. */
export type Tone = 'good' | 'bad' | 'warn' | 'dim' | 'plain'

/** Gives a text the colour of its meaning. */
export type Paint = (text: string, tone: Tone) => string

const CODES: Readonly<Record<Exclude<Tone, 'plain'>, readonly [on: number, off: number]>> = {
  good: [32, 39],
  bad: [31, 39],
  warn: [33, 39],
  dim: [2, 22],
}

/** Colours of ANSI terminals. */
export const ansi: Paint = (text, tone) => {
  if (tone === 'plain' || text === '') return text
  const [on, off] = CODES[tone]
  return `\u001b[${on}m${text}\u001b[${off}m`
}

/** No colours: for files, pipes and NO_COLOR. */
export const uncoloured: Paint = (text) => text

/** The tone of a state of a task, node or incident. */
export function toneOf(state: string): Tone {
  switch (state) {
    case 'completed':
    case 'alive':
    case 'ok':
    case 'closed':
    case 'active':
      return 'good'
    case 'failed':
    case 'dead':
    case 'open':
    case 'revoked':
    case 'no-available-nodes':
      return 'bad'
    case 'waiting':
    case 'retrying':
    case 'degraded':
    case 'suspect':
    case 'stalled':
    case 'unknown':
    case 'expired':
      return 'warn'
    case 'cancelled':
      return 'dim'
    default:
      return 'plain'
  }
}
