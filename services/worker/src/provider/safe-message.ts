import { wellFormed } from './shape.ts'

/** Characters; messages of failures are stored in the log, so they must be short. */
const MESSAGE_MAX = 300
/** Characters searched for secrets before a message is cut; hostile text makes patterns slow. */
export const SEARCHED_MAX = 2_000

/** Patterns of keys and other secrets that providers repeat in their messages. */
const SECRETS = [
  /\b(sk|pk|rk|gsk|xai|nvapi|hf|r8|key|tok|api)[-_][\w*.-]{6,}/gi,
  /\bAIza[\w-]{10,}/g,
  /\b(bearer|basic)\s+[\w.+/=*-]{6,}/gi,
  /\beyJ[\w-]+\.[\w-]+(\.[\w-]+)?/g,
  /\b(api[-_ ]?key|token|secret|password)(["']?\s*[:=]\s*["']?)[^\s"',;]{4,}/gi,
  /\/\/[^\s/@]+:[^\s/@]+@/g,
]

/** Returns a message without secrets, cut to MESSAGE_MAX. */
export function safeMessage(message: string, key: string | undefined): string {
  const own = key === undefined || key.length < 4 ? message : message.replaceAll(key, '[key]')
  const searched = own.slice(0, SEARCHED_MAX)
  const clean = SECRETS.reduce((text, secret) => text.replace(secret, '[key]'), searched)
  return wellFormed(clean.slice(0, MESSAGE_MAX))
}
