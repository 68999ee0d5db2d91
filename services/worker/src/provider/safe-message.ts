import { withoutSecrets } from '../secrets/secret-texts.ts'

/** Characters; messages of failures are stored in the log, so they must be short. */
const MESSAGE_MAX = 300
/** Characters searched for secrets before a message is cut; hostile text makes patterns slow. */
export const SEARCHED_MAX = 2_000

const CENSOR = '[key]'
/** What providers call a key or hide of it, in addition to what is a secret anywhere. */
const KEYS = [
  /\b(sk|pk|rk|gsk|xai|nvapi|hf|r8|key|tok|api)[-_][\w*.-]{6,}/gi,
  /\b(api[-_ ]?key|token|secret|password)(["']?\s*[:=]\s*["']?)[^\s"',;]{4,}/gi,
]

/** Returns a message without secrets, cut to MESSAGE_MAX. */
export function safeMessage(message: string, key: string | undefined): string {
  const own = key === undefined || key.length < 4 ? message : message.replaceAll(key, CENSOR)
  const searched = withoutSecrets(own.slice(0, SEARCHED_MAX), [], CENSOR)
  const clean = KEYS.reduce((text, pattern) => text.replace(pattern, CENSOR), searched)
  // Neither stores nor providers accept half of a surrogate pair.
  return clean.slice(0, MESSAGE_MAX).toWellFormed()
}

/** Removes the values after `input` in validation errors, written as JSON or as Python. */
export function withoutValues(text: string): string {
  const name =
    /\\{0,9}["']?\b(?:input|input_value|failed_generation)\b\\{0,9}["']?\s{0,99}[:=]\s{0,99}/g
  let rest = ''
  let from = 0
  for (let found = name.exec(text); found !== null; found = name.exec(text)) {
    rest += text.slice(from, found.index)
    from = endOfValue(text, name.lastIndex)
    name.lastIndex = from
  }
  return rest + text.slice(from)
}

/** Returns the end of the value that begins here, or of the text if the value has no end. */
function endOfValue(text: string, start: number): number {
  const opening = /^\\*["'[{(]/.exec(text.slice(start))?.[0]
  if (opening === undefined) return start
  const mark = opening.at(-1) ?? ''
  if (mark === '"' || mark === "'") {
    const end = text.indexOf(opening, start + opening.length)
    return end < 0 ? text.length : end + opening.length
  }
  let depth = 0
  for (let at = start; at < text.length; at += 1) {
    if ('[{('.includes(text[at] ?? '')) depth += 1
    else if (']})'.includes(text[at] ?? '')) depth -= 1
    if (depth === 0) return at + 1
  }
  return text.length
}

/** Returns the text of an HTML page in one pass: a pattern takes seconds on hostile text. */
export function plainText(body: string): string {
  const [before = '', ...marks] = body.split('<')
  let hidden = false
  const texts = marks.map((mark) => {
    if (/^(script|style)\b/i.test(mark)) hidden = true
    else if (/^\/(script|style)\b/i.test(mark)) hidden = false
    return hidden ? '' : mark.slice(mark.indexOf('>') + 1)
  })
  return [before, ...texts].join(' ').replaceAll(/\s+/g, ' ').trim().slice(0, SEARCHED_MAX)
}
