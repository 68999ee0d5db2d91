import { isRecord, wordOf } from '../shape.ts'

/**
 * Why an answer ended. Endpoints use OpenAI's words, those of the model's maker (Anthropic, Gemini,
 * Mistral) or their own, in any letter case.
 */
type Finish = 'whole' | 'cut' | 'withheld' | 'broken' | 'unknown'

/** The known words of reasons; the numbers are Gemini's. */
const WITHHELD = wordsOf(
  'filter filtered contentfilter safety unsafe toxic recitation blocklist blocked spii language ' +
    'prohibited refusal refused sensitive guardrail guardrails moderation moderated flagged policy risk 3 4',
)
const CUT = wordsOf(
  'length max maximum limit incomplete truncated truncation window exceeded maxtokens budget 2',
)
const BROKEN = wordsOf(
  'error failed failure fail abort aborted cancelled canceled timeout timedout exception interrupted ' +
    'overloaded network resource preempted malformed unexpected unavailable disconnected',
)
const WHOLE = wordsOf(
  'stop stopped stoptoken end ended eos eot eom im done finish finished complete completed success ' +
    'normal natural endoftext s tool tools call calls function use 1',
)
/** Words that may stand next to those of a whole answer. */
const FILLERS = wordsOf('of turn token tokens id word str string sequence text message')

function wordsOf(text: string): ReadonlySet<string> {
  return new Set(text.split(' '))
}

/** Characters; each later event of an answer reads the reason again. */
const REASON_MAX = 300

/** Words that mean that there is no reason yet. */
const NO_REASON = /^(|null|none|undefined|in_progress|(finish_reason_)?unspecified|0)$/i

/** Returns the finish reason in a choice: a word, a number, or a list or an object that holds one. */
export function finishOf(value: unknown): string | undefined {
  const only = Array.isArray(value) ? (value as readonly unknown[])[0] : value
  const inner = isRecord(only) ? (only['type'] ?? only['reason'] ?? only['value']) : only
  const word = wordOf(inner)
  if (word !== undefined && !NO_REASON.test(word.trim())) return word.slice(0, REASON_MAX)
  return isRecord(value) && Object.keys(value).length > 0 ? 'an object' : undefined
}

/** The name of the enumeration in front of its word, as in FinishReason.STOP. */
const ENUMERATION = /^\s*(finish|stop)_?reason(_|\.)|^.*\./i

/** Classifies a finish reason; an unknown one never counts as a complete answer. */
export function classifyFinish(reason: string): Finish {
  const words = reason
    .replace(ENUMERATION, '')
    .replaceAll(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '')
  const isOneOf = (known: ReadonlySet<string>): boolean => words.some((word) => known.has(word))
  // In this order; one word of the first three kinds decides alone.
  if (isOneOf(WITHHELD)) return 'withheld'
  if (isOneOf(CUT)) return 'cut'
  if (isOneOf(BROKEN)) return 'broken'
  const whole = words.every((word) => WHOLE.has(word) || FILLERS.has(word))
  return whole && isOneOf(WHOLE) ? 'whole' : 'unknown'
}
